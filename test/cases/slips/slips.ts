/** A slip that people make: what they type, in what environment, and the one line that says what to do. */
export interface Slip {
  what: string;
  tool?: string;
  args: string;
  env?: NodeJS.ProcessEnv;
  code: 1 | 2;
  line: RegExp;
}

/** An id that nothing has. */
export const unknownId = "a".repeat(20);
const elsewhere = { AUTH_ADDRESS: "", QUOTA_ADDRESS: "", QR_ADDRESS: "" };
/** Returns all slips; some need the URL of a database that is there. */
export const slipsFor = (databaseUrl: string): Slip[] => [
  {
    what: "an id that is none",
    args: "account show nope",
    code: 2,
    line: /^ACCOUNT must be an id of 20 letters and digits or an e-mail address, not "nope"\. Help: /,
  },
  {
    what: "a key in place of its id",
    args: `key revoke api_live_${"x".repeat(32)}`,
    code: 2,
    line: /^KEY_ID must be an id of 20 letters and digits, not an API key\. Help: /,
  },
  { what: "an unknown account", args: `account show ${unknownId}`, code: 1, line: /^There is no such account\.$/ },
  {
    what: "the keys of an unknown account",
    args: `key list --account ${unknownId}`,
    code: 1,
    line: /^There is no such account\.$/,
  },
  {
    what: "the usage of an unknown account",
    args: `usage list --account ${unknownId}`,
    code: 1,
    line: /^There is no such account\.$/,
  },
  {
    what: "a link for an unknown account",
    args: `account sign-in-link ${unknownId}`,
    code: 1,
    line: /^There is no such account\.$/,
  },
  { what: "an unknown key", args: `key rotate ${unknownId}`, code: 1, line: /^There is no such key\.$/ },
  {
    what: "an unknown code",
    args: "code show no-such-code",
    code: 1,
    line: /^There is no code with the slug or id "no-such-code"\.$/,
  },
  {
    what: "codes to take down of which none exists",
    args: "code archive no-such-code neither-this",
    code: 1,
    line: /^There is no code with the slug or id "no-such-code", "neither-this"\.$/,
  },
  { what: "no code to take down", args: "code archive", code: 2, line: /^CODE is missing: .* Help: / },
  {
    what: "too many codes to take down",
    args: `code archive${" x".repeat(101)}`,
    code: 2,
    line: /^At most 100 codes at once, not 101\. Help: /,
  },
  {
    what: "qr where nobody is",
    args: "code show x",
    env: { QR_ADDRESS: "127.0.0.1:1" },
    code: 1,
    line: /^qr does not answer at 127\.0\.0\.1:1 \(from QR_ADDRESS\)\. Check /,
  },
  {
    what: "an unknown plan",
    args: "account create --email a@qrforge.example --plan gold",
    code: 2,
    line: /^--plan must be free, pro or enterprise, not "gold"\. Help: .*account create --help$/,
  },
  { what: "no plan", args: "account create --email a@qrforge.example", code: 2, line: /^--plan is missing: .* Help: / },
  {
    what: "no days",
    args: `usage list --account ${unknownId} --days 0`,
    code: 2,
    line: /^--days must be a whole number from 1 to 400, not "0"\. Help: /,
  },
  {
    what: "one limit of two",
    args: "account create --email a@qrforge.example --plan enterprise --per-minute 5",
    code: 2,
    line: /^--per-minute and --per-day must be given together; 0 is unlimited\. Help: /,
  },
  {
    what: "limits on a plan that has its own",
    args: "account create --email a@qrforge.example --plan pro --per-minute 5 --per-day 9",
    code: 2,
    line: /^--per-minute and --per-day are for --plan enterprise, not pro\. Help: /,
  },
  {
    what: "an e-mail address that is none",
    args: "account create --email ann --plan free",
    code: 1,
    line: /^email must be /,
  },
  {
    what: "a mistyped command",
    args: "account sign-in-lnik",
    code: 2,
    line: /^There is no command "account sign-in-lnik"\. Did you mean account sign-in-link\? Help: /,
  },
  {
    what: "a mistyped option",
    args: "account list --josn",
    code: 2,
    line: /^There is no option --josn\. Did you mean --json\? Help: /,
  },
  { what: "a word too many", args: "audit verify now", code: 2, line: /^"now" is one argument too many\. Help: / },
  {
    what: "no suite here",
    args: "account list",
    env: { ...elsewhere, QRFORGE_DATA_DIR: "/nowhere" },
    code: 1,
    line: /^No suite runs in \/nowhere\. .*npm start.*QRFORGE_DATA_DIR.*AUTH_ADDRESS/,
  },
  {
    what: "an address where nobody is",
    args: "account list",
    env: { AUTH_ADDRESS: "127.0.0.1:1" },
    code: 1,
    line: /^auth does not answer at 127\.0\.0\.1:1 \(from AUTH_ADDRESS\)\. Check /,
  },
  {
    what: "an address that is no name",
    args: "account list",
    env: { AUTH_ADDRESS: "auth.invalid:50051" },
    code: 1,
    line: /^auth does not answer at auth\.invalid:50051 \(from AUTH_ADDRESS\)\. Check /,
  },
  {
    what: "quota where nobody is",
    args: `usage list --account ${unknownId}`,
    env: { QUOTA_ADDRESS: "127.0.0.1:1" },
    code: 1,
    line: /^quota does not answer at 127\.0\.0\.1:1 \(from QUOTA_ADDRESS\)\. Check /,
  },
  {
    what: "a suite that has gone",
    args: "account list",
    env: { ...elsewhere, QRFORGE_DATA_DIR: "gone" },
    code: 1,
    line: /^auth does not answer at 127\.0\.0\.1:1 \(from .*gone\/run\.json\)\. Check /,
  },
  {
    what: "a list that cannot be read",
    args: "account list",
    env: { ...elsewhere, QRFORGE_DATA_DIR: "unreadable" },
    code: 1,
    line: /^.*unreadable\/run\.json cannot be read \(\w+\)\. .*QRFORGE_DATA_DIR/,
  },
  {
    what: "a setting that is wrong",
    args: "account list",
    env: { PUBLIC_URL: "ftp://x" },
    code: 1,
    line: /^PUBLIC_URL: must be a URL that begins with http/,
  },
  {
    what: "a backup without a file",
    tool: "backup",
    args: "",
    code: 2,
    line: /^FILE is missing: .* Help: npm run -s backup -- --help$/,
  },
  {
    what: "a backup where no suite is",
    tool: "backup",
    args: "x.gz",
    env: { QRFORGE_DATA_DIR: "/nowhere" },
    code: 1,
    line: /^No suite runs in \/nowhere\. .*DATABASE_URL/,
  },
  {
    what: "a backup into no folder",
    tool: "backup",
    args: "/nowhere/x.gz",
    env: { DATABASE_URL: databaseUrl },
    code: 1,
    line: /^There is no folder \/nowhere\. /,
  },
  {
    what: "a restore without a file",
    tool: "restore",
    args: "",
    code: 2,
    line: /^FILE is missing: .* Help: npm run -s restore -- --help$/,
  },
  {
    what: "a restore of no file",
    tool: "restore",
    args: "/nowhere/x.gz",
    code: 1,
    line: /^\/nowhere\/x\.gz cannot be read: /,
  },
  {
    what: "a schema that is none",
    tool: "migrate",
    args: "auht",
    code: 2,
    line: /^SCHEMA must be auth, quota or qr, not "auht"\. Did you mean auth\? Help: /,
  },
  { what: "a migration of nothing", tool: "migrate", args: "", code: 1, line: /^DATABASE_URL must be set: / },
  {
    what: "a doctor where no suite is",
    tool: "doctor",
    args: "",
    env: { QRFORGE_DATA_DIR: "/nowhere" },
    code: 2,
    line: /^No suite runs in \/nowhere\. /,
  },
  {
    what: "no edge",
    tool: "start",
    args: "--edges 0",
    code: 2,
    line: /^--edges must be a whole number from 1 to 16, not "0"\. Help: npm start -- --help$/,
  },
];
