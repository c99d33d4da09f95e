import { createShortUrlCheck } from "../../../contracts/short-url.ts";
import type { AbuseContact } from "../../../platform/abuse-contact.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import type { PageTokens } from "../../../platform/postgres/page-tokens.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Implementation } from "../../../platform/rpc/server.ts";
import type { IdempotencyStore } from "../store/idempotency.ts";
import type { LogoStore } from "../store/logos.ts";
import type { ProjectStore } from "../store/projects.ts";
import type { CodeStore } from "../store/qr-codes.ts";
import type { ScanCountStore } from "../store/scan-counts.ts";
import type { ScanStore } from "../store/scans.ts";
import type { TakedownStore } from "../store/takedowns.ts";
import type { VisitorSaltStore } from "../store/visitor-salts.ts";
import type { Drawer } from "../symbols/drawer.ts";
import { createProjectService } from "./project.ts";
import { createCodeService } from "./qr-code.ts";
import { createScanService } from "./scan.ts";
import { createStyles } from "./styles.ts";
import { createSymbolService } from "./symbol.ts";
import { createTakedownService } from "./takedown.ts";

export interface QrDependencies {
  stores: {
    codes: CodeStore;
    projects: ProjectStore;
    logos: LogoStore;
    idempotency: IdempotencyStore;
    scans: ScanStore;
    counts: ScanCountStore;
    salts: VisitorSaltStore;
    takedowns: TakedownStore;
  };
  drawer: Drawer;
  clock: Pick<Clock, "now">;
  /** Where short URLs begin, `https://host`, without a slash at the end. */
  shortUrlBase: string;
  /** Further bases at which edges answer short URLs. */
  shortUrlAliases: string[];
  /** Where people write about codes that were taken down; undefined if the operator has set nothing. */
  abuseContact: AbuseContact | undefined;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  /** Tells edges that a slug exists now, which some may remember as unknown for a moment longer. */
  hintSlug(slug: string): void;
  pageTokens: PageTokens;
}

/** Creates the handlers of qr's services. */
export function createQrServices(dependencies: QrDependencies): Implementation[] {
  const { stores, drawer, clock, shortUrlBase, abuseContact, propagate, hintSlug, pageTokens } = dependencies;
  const { codes, projects } = stores;
  const shortUrl = (slug: string) => `${shortUrlBase}/${slug}`;
  const isShortUrl = createShortUrlCheck([shortUrlBase, ...dependencies.shortUrlAliases]);
  const styles = createStyles({ logos: stores.logos, drawer, shortUrl });
  return [
    createCodeService({ ...stores, styles, shortUrl, isShortUrl, abuseContact, propagate, hintSlug, pageTokens }),
    createProjectService({ projects, pageTokens }),
    createSymbolService({ codes, logos: stores.logos, styles, drawer, shortUrl, pageTokens }),
    createScanService({ ...stores, clock }),
    createTakedownService({ ...stores, shortUrl, propagate }),
  ];
}
