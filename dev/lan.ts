import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { UserError } from "../cli/errors.ts";
import { reachOf } from "../platform/short-url-base.ts";

/** Interfaces that lead to containers, virtual machines and tunnels, not to a phone in the room. */
const virtualNames =
  /^(docker|br-|veth|virbr|vnet|vmnet|vboxnet|vEthernet|cni|flannel|cali|lxc|lxd|podman|kube|tun|tap|utun|wg|tailscale|ts\d|zt|ppp|ham|awdl|llw)/i;

/** Any address outside; nothing is sent to it. */
const outside = { address: "192.0.2.1", port: 9 };

export interface LanAddress {
  address: string;
  /** The interface that has it. */
  name: string;
}

/**
 * Returns the IPv4 addresses at which other machines of this network may reach this one, the likeliest first: private ones
 * before others, and among equals the one that `preferred` names.
 */
export function lanAddresses(
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
  preferred: string | undefined,
): LanAddress[] {
  const found = Object.entries(interfaces).flatMap(([name, infos = []]) =>
    infos
      .filter(({ family, internal, address }) => family === "IPv4" && !internal && !address.startsWith("169.254."))
      .map(({ address }) => ({ name, address })),
  );
  const cost = ({ name, address }: LanAddress) =>
    (virtualNames.test(name) ? 4 : 0) +
    (reachOf(`http://${address}`) === "private" ? 0 : 2) +
    (address === preferred ? 0 : 1);
  return found.sort((one, other) => cost(one) - cost(other));
}

/** Returns the address from which this machine reaches others by its default route, undefined if it has no such route. */
async function defaultRouteAddress(): Promise<string | undefined> {
  const socket = createSocket("udp4");
  try {
    // Connecting a UDP socket chooses a route and sends nothing.
    const connected = once(socket, "connect");
    socket.connect(outside.port, outside.address);
    await connected;
    return socket.address().address;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Returns where to listen for this network: `wanted`, which must be this machine's, or else the likeliest, and the others. */
export async function chooseLanAddress(wanted: string | undefined): Promise<{ address: string; others: LanAddress[] }> {
  const all = lanAddresses(networkInterfaces(), await defaultRouteAddress());
  const list = all.map(({ address, name }) => `${address} (${name})`).join(", ");
  if (all.length === 0) {
    throw new UserError("This machine has no IPv4 address in a network. Connect it to one, or start without --lan.");
  }
  const address = wanted ?? (all[0] as LanAddress).address;
  const chosen = all.find((one) => one.address === address);
  if (!chosen) throw new UserError(`--lan-address: ${address} is no address of this machine. It has: ${list}.`);
  return { address, others: all.filter((one) => one !== chosen && !virtualNames.test(one.name)) };
}
