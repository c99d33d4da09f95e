import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The page is made of files alone, so that it needs no script or style inline and its names change with what is in them. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licences.md" },
  },
  server: { proxy: { "/dashboard/api": process.env.QRFORGE_EDGE ?? "http://localhost:8080" } },
});
