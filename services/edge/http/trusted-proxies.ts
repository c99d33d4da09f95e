import { BlockList, isIP } from "node:net";
import type { Setting } from "../../../platform/process/config.ts";

/** Returns whether an address is in the list. */
export type AddressList = (address: string) => boolean;

/** Parses IP addresses and networks (`address/bits`), separated by commas. */
export function addressList(env: string, meaning: string): Setting<AddressList> {
  return {
    env,
    meaning,
    default: "",
    parse(text) {
      const list = new BlockList();
      const entries = text.split(",").map((one) => one.trim());
      for (const entry of entries.filter((one) => one !== "")) {
        const [address = "", bits] = entry.split("/");
        const version = isIP(address);
        const longest = version === 6 ? 128 : 32;
        const length = bits === undefined ? longest : Number(bits);
        if (version === 0 || !/^\d{1,3}$/.test(bits ?? "0") || length > longest) {
          throw new Error(`must be addresses or networks like 10.0.0.0/8, not "${entry}"`);
        }
        list.addSubnet(address, length, version === 6 ? "ipv6" : "ipv4");
      }
      return (address) => {
        const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
        const version = isIP(plain);
        return version !== 0 && list.check(plain, version === 6 ? "ipv6" : "ipv4");
      };
    },
  };
}
