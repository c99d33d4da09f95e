import { Suspense, useEffect, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { type Account, ask } from "./api.ts";
import { useAnnounce } from "./components/announcer.tsx";
import { FailedQuery, Loading } from "./components/basics.tsx";
import { Boundary, lazyPage } from "./components/boundary.tsx";
import { SignInAgain } from "./components/sign-in-again.tsx";
import { isHeldBack, leave } from "./leaving.ts";
import { messages } from "./messages.ts";
import { CodesPage } from "./pages/codes.tsx";
import { ForgotPage } from "./pages/forgot.tsx";
import { InvitationPage } from "./pages/invitation.tsx";
import { MailLinkPage } from "./pages/mail-link.tsx";
import { SignInPage, SignInWithLink } from "./pages/sign-in.tsx";
import { useSession, useSetSession } from "./session.ts";

/** How long the first page has the network to itself, in ms. */
const preloadMs = 1_000;

const loadCodePage = () => import("./pages/code.tsx");
const loadEditCodePage = () => import("./pages/edit-code.tsx");
const loadBulkPage = () => import("./pages/bulk.tsx");
const loadProjectsPage = () => import("./pages/projects.tsx");
const loadProjectPage = () => import("./pages/project.tsx");
const loadKeysPage = () => import("./pages/keys.tsx");
const loadUsagePage = () => import("./pages/usage.tsx");
const loadPlanPage = () => import("./pages/plan.tsx");
const loadAuditPage = () => import("./pages/audit.tsx");
const loadAccountPage = () => import("./pages/account.tsx");
const loadPages = [
  loadCodePage,
  loadEditCodePage,
  loadBulkPage,
  loadProjectsPage,
  loadProjectPage,
  loadKeysPage,
  loadUsagePage,
  loadPlanPage,
  loadAuditPage,
  loadAccountPage,
];

const CodePage = lazyPage(loadCodePage);
const EditCodePage = lazyPage(loadEditCodePage);
const BulkPage = lazyPage(loadBulkPage);
const ProjectsPage = lazyPage(loadProjectsPage);
const ProjectPage = lazyPage(loadProjectPage);
const KeysPage = lazyPage(loadKeysPage);
const UsagePage = lazyPage(loadUsagePage);
const PlanPage = lazyPage(loadPlanPage);
const AuditPage = lazyPage(loadAuditPage);
const AccountPage = lazyPage(loadAccountPage);

const places = [
  ["/codes", messages.nav.codes],
  ["/projects", messages.nav.projects],
  ["/usage", messages.nav.usage],
  ["/keys", messages.nav.keys],
  ["/plan", messages.nav.plan],
  ["/audit", messages.nav.audit],
  ["/account", messages.nav.account],
] as const;

export function App() {
  const { account, query } = useSession();
  const [location] = useLocation();
  const [last, setLast] = useState<Account>();
  useEffect(() => {
    if (account) setLast(account);
  }, [account]);
  if (location.startsWith("/sign-in/")) return <SignInWithLink token={location.slice("/sign-in/".length)} />;
  const [, mailToken] = /^\/(?:sign-up|reset|email)\/(.+)$/.exec(location) ?? [];
  if (mailToken !== undefined) return <MailLinkPage token={mailToken} />;
  if (location === "/forgot" && !account) return <ForgotPage />;
  if (location.startsWith("/invitation/")) return <InvitationPage token={location.slice("/invitation/".length)} />;
  // What is on the page stays there while the edge cannot be reached.
  if (query.error && account === undefined) {
    return (
      <main className="alone">
        <FailedQuery query={query} />
      </main>
    );
  }
  if (account === undefined) {
    return (
      <main className="alone">
        <Loading />
      </main>
    );
  }
  // A session that ends takes nothing with it that is not saved.
  const kept = account ?? (isHeldBack() ? last : undefined);
  if (!kept) return <SignInPage />;
  return (
    <>
      <Frame email={kept.email} />
      {account === null && <SignInAgain email={kept.email} onLeave={() => setLast(undefined)} />}
    </>
  );
}

function Frame({ email }: { email: string }) {
  const [location] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const setSession = useSetSession();
  const announce = useAnnounce();
  // Screen readers and the keyboard begin at the top of the new page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: on every change of place
  useEffect(() => {
    setOpen(false);
    document.getElementById("main")?.focus();
    scrollTo(0, 0);
  }, [location]);
  // Every page is there once one is, so that none is missing when the edge cannot be reached.
  useEffect(() => {
    const timer = setTimeout(() => void Promise.allSettled(loadPages.map((load) => load())), preloadMs);
    return () => clearTimeout(timer);
  }, []);
  async function signOut(): Promise<void> {
    try {
      await ask("DELETE", "/session");
      setSession(null);
    } catch (error) {
      // Whoever leaves this machine must know that the session is still open.
      announce((error as Error).message);
    }
  }
  return (
    <div className={isOpen ? "frame open" : "frame"}>
      <button type="button" className="button skip" onClick={() => document.getElementById("main")?.focus()}>
        {messages.skip}
      </button>
      <header className="side">
        <div className="brand">
          <Link href="/codes">QRForge</Link>
          <button
            type="button"
            className="button quiet menu"
            aria-expanded={isOpen}
            aria-controls="places"
            onClick={() => setOpen(!isOpen)}
          >
            {messages.nav.menu}
          </button>
        </div>
        <nav id="places" aria-label={messages.nav.label}>
          <ul>
            {places.map(([path, name]) => (
              <li key={path}>
                <Link href={path} {...(location.startsWith(path) && { "aria-current": "page" as const })}>
                  {name}
                </Link>
              </li>
            ))}
            <li>
              <a href="/docs">{messages.nav.docs}</a>
            </li>
          </ul>
          <div className="who">
            <p title={email}>{email}</p>
            <ThemeButton />
            <button type="button" className="button quiet" onClick={() => leave(() => void signOut())}>
              {messages.nav.signOut}
            </button>
          </div>
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <Boundary key={location}>
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path="/codes" component={CodesPage} />
              <Route path="/codes/new" component={EditCodePage} />
              <Route path="/codes/bulk" component={BulkPage} />
              <Route path="/codes/:id" component={CodePage} />
              <Route path="/codes/:id/edit" component={EditCodePage} />
              <Route path="/projects" component={ProjectsPage} />
              <Route path="/projects/:id" component={ProjectPage} />
              <Route path="/keys" component={KeysPage} />
              <Route path="/usage" component={UsagePage} />
              <Route path="/plan" component={PlanPage} />
              <Route path="/audit" component={AuditPage} />
              <Route path="/account" component={AccountPage} />
              <Route>
                <Redirect to="/codes" />
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
    </div>
  );
}

/** Switches between light and dark, and remembers it; until then the system decides. */
function ThemeButton() {
  const [theme, setTheme] = useState(() => localStorage.getItem("theme"));
  useEffect(() => {
    if (theme) document.documentElement.dataset.theme = theme;
  }, [theme]);
  function change(): void {
    const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const next = isDark ? "light" : "dark";
    localStorage.setItem("theme", next);
    setTheme(next);
  }
  return (
    <button type="button" className="button quiet" onClick={change}>
      {messages.nav.theme}
    </button>
  );
}
