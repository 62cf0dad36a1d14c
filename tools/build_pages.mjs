// Builds what the pages need into src/medrec/portal/built: two style sheets (left to right, right to left) and scripts.
// usage: node tools/build_pages.mjs      (tools/set_up runs it when its inputs changed)
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import rtlcss from "rtlcss";
import * as sass from "sass";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const front = join(root, "src/medrec/portal/front");
const built = join(root, "src/medrec/portal/built");
// What the components are compiled with, and the name it has in front/_colours.scss. Names there stay as they are: Sass
// does not touch the values of custom properties, and they are written in capitals.
const NAMES = {
  "#16211f": "ink", "#4a5a57": "soft", "#f6f5f1": "ground", "#d9dcd6": "line", "#0c4a47": "brand", "#0a5a73": "link",
  "#0c5f5a": "action", "#a5211c": "bad", "#17683a": "good", "#ffc845": "focus", "#fff": "card", "#ffffff": "card",
};
const OUTSIDE = /url\((?!["']?data:)|@import|https?:\/\/(?!www\.w3\.org)/;

function style() {
  const { css } = sass.compile(join(front, "portal.scss"), {
    style: "compressed",
    quietDeps: true,
    silenceDeprecations: ["if-function"],
    importers: [{
      findFileUrl: (url) =>
        url.startsWith("nhsuk-frontend/") ? pathToFileURL(join(root, "node_modules", url)) : null,
    }],
  });
  // Nothing may be fetched from elsewhere, no mark of somebody else may be worn.
  const found = css.match(OUTSIDE) ?? css.match(/frutiger/i);
  if (found) throw new Error(`the style sheet holds ${css.slice(found.index, found.index + 80)}`);
  return css.replace(/(?<=[:\s,])#(?:[0-9a-f]{6}|[0-9a-f]{3})(?=[;},\s!])/g, (hex) => (NAMES[hex] ? `var(--${NAMES[hex]})` : hex));
}

async function scripts() {
  const entries = readdirSync(front).filter((name) => name.endsWith(".ts")).map((name) => join(front, name));
  const { outputFiles } = await esbuild.build({
    entryPoints: entries, bundle: true, minify: true, write: false, outdir: built, target: "es2022", format: "esm",
    charset: "utf8", external: ["./passkey.js"], legalComments: "none",
  });
  return outputFiles.map((file) => [file.path.split(/[\\/]/).at(-1), Buffer.from(file.contents)]);
}

const css = style();
const files = [
  ["portal-ltr.css", Buffer.from(css)],
  ["portal-rtl.css", Buffer.from(rtlcss.process(css))],
  ...(await scripts()),
];
rmSync(built, { recursive: true, force: true });
mkdirSync(built, { recursive: true });
for (const [name, data] of files) {
  writeFileSync(join(built, name), data);
  const digest = createHash("sha256").update(data).digest("hex").slice(0, 12);
  console.error(`pages: ${name} ${data.length} bytes ${digest}`);
}
