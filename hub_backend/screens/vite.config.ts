// Two builds from one project: `--mode hub` (planner, coolers, figures, equipment) and `--mode gateway` (concierge).
// Everything is emitted as files of our own origin: fonts, the map's worker, the service worker.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;

/** Fills the service worker's list of files, and a version that changes exactly when one of them does. */
function precache(): Plugin {
  return {
    name: "buurtrit-precache",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") return;
      const files = Object.keys(bundle).filter((name) => name !== "sw.js" && !name.endsWith(".map")).sort();
      const hash = createHash("sha256");
      for (const name of files) {
        const file = bundle[name];
        if (file === undefined) continue;
        hash.update(name).update(file.type === "chunk" ? file.code : file.source);
      }
      const built = files.map((name) => (name === "index.html" ? "/" : `/${name}`));
      const paths = [...built, "/icon.svg", "/manifest.webmanifest"]; // the last two are copied from public/
      worker.code = worker.code
        .replace(/["'`]%PRECACHE_PATHS%["'`]/, JSON.stringify(paths))
        .replace("%PRECACHE_VERSION%", hash.digest("hex").slice(0, 16));
    },
  };
}

/** Every page is `page.html` with its own entry: `<site>/<name>.html` need not exist. */
function pagesFromTemplate(site: string): Plugin {
  const template = readFileSync(resolve(here, "page.html"), "utf8");
  const made = new Map(
    Object.entries(sites[site] ?? {}).map(([name, source]) => [pageFile(name), template.replace("%PAGE%", source)]),
  );
  return {
    name: "buurtrit-pages",
    resolveId: (id) => (made.has(id) ? id : undefined),
    load: (id) => made.get(id),
  };
}

const pageFile = (name: string): string => resolve(here, `${name}.html`);

/** The pages of each site, by the name they are served under, and the folder of `src` that each is made from. */
const sites: Record<string, Record<string, string>> = {
  hub: { index: "planner", coolers: "coolers", figures: "figures", equipment: "equipment" },
  gateway: { index: "concierge" },
};

export default defineConfig(({ mode }) => {
  const site = mode === "gateway" ? "gateway" : "hub";
  const input = Object.fromEntries(Object.keys(sites[site] ?? {}).map((name) => [name, pageFile(name)]));
  if (site === "gateway") input["sw"] = resolve(here, "src/concierge/sw.ts");
  return {
    root: here,
    publicDir: resolve(here, "public"),
    base: "/",
    plugins: [pagesFromTemplate(site), svelte({ configFile: resolve(here, "svelte.config.js") }), precache()],
    worker: { format: "es" as const },
    build: {
      outDir: resolve(here, site === "hub" ? "../pages" : "../../edge_gateway/page"),
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0, // data: urls would need a wider content security policy
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 1500,
      rolldownOptions: {
        input,
        output: { entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
      },
    },
  };
});
