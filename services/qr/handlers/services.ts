import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Implementation } from "../../../platform/rpc/server.ts";
import type { Store } from "../store/qr-codes.ts";
import type { ScanStore } from "../store/scans.ts";
import { createStyles } from "../styles.ts";
import type { Drawer } from "../symbols/drawer.ts";
import { createProjectService } from "./project.ts";
import { createCodeService } from "./qr-code.ts";
import { createScanService } from "./scan.ts";
import { createSymbolService } from "./symbol.ts";

export interface QrDependencies {
  store: Store;
  scans: ScanStore;
  drawer: Drawer;
  clock: Pick<Clock, "now">;
  /** Where short URLs begin, `https://host`, without a slash at the end. */
  shortUrlBase: string;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  /** Tells edges that a slug has come to exist, which some may remember as unknown for a moment longer. */
  hintSlug(slug: string): void;
}

/** The handlers of qr's services. */
export function createQrService(dependencies: QrDependencies): Implementation[] {
  const { store, scans, drawer, clock, shortUrlBase, propagate, hintSlug } = dependencies;
  const shortUrl = (slug: string) => `${shortUrlBase}/${slug}`;
  const styles = createStyles({ store, drawer, shortUrl });
  return [
    createCodeService({ store, styles, shortUrl, propagate, hintSlug }),
    createProjectService({ store }),
    createSymbolService({ store, styles, drawer, shortUrl }),
    createScanService({ store: scans, clock }),
  ];
}
