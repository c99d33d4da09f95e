import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { ApiError } from "./api.ts";
import { App } from "./app.tsx";
import { AnnouncerProvider } from "./components/announcer.tsx";
import { ConnectionBar } from "./components/connection-bar.tsx";
import { LeaveDialog } from "./components/unsaved.tsx";
import { useGuardedLocation } from "./location.ts";
import "./styles.css";

const retriesMax = 2;
/** A session that has ended is noticed wherever it shows. */
function noteFailure(error: Error): void {
  const isSignedOut = error instanceof ApiError && error.status === 401;
  if (isSignedOut) void queries.invalidateQueries({ queryKey: ["session"] });
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: noteFailure }),
  mutationCache: new MutationCache({ onError: noteFailure }),
  defaultOptions: {
    // Whether there is a network is for the answers to say: QRForge may run on this machine.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      staleTime: 2_000,
      retry: (failures, error) =>
        failures < retriesMax && error instanceof ApiError && (error.status === 0 || error.status >= 500),
    },
  },
});

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Router hook={useGuardedLocation}>
        <AnnouncerProvider>
          <ConnectionBar />
          <App />
          <LeaveDialog />
        </AnnouncerProvider>
      </Router>
    </QueryClientProvider>
  </StrictMode>,
);
