// @balena/dockerignore over a tree: which files it would send, and their bytes.
// Directories are passed by only if no exception could bring something back.
"use strict";
const fs = require("fs");
const ignore = require("@balena/dockerignore");

const [root, ignoreFile] = process.argv.slice(2);
const text = ignoreFile ? fs.readFileSync(ignoreFile, "utf8") : "";
const filter = ignore({ ignorecase: false }).add(text);
const prunes = !/^\s*!/m.test(text);
let files = 0;
let bytes = 0;

function walk(prefix) {
  for (const entry of fs.readdirSync(root + "/" + prefix, { withFileTypes: true })) {
    const path = prefix + entry.name;
    const ignored = text !== "" && filter.ignores(path);
    if (entry.isDirectory()) {
      if (!ignored || !prunes) walk(path + "/");
    } else if (!ignored) {
      const status = fs.lstatSync(root + "/" + path);
      files += 1;
      bytes += status.isFile() ? status.size : 0;
    }
  }
}

walk("");
console.log(`${files} files, ${bytes} bytes`);
