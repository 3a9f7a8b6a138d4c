// Prints the README for the extension's page in VS Code: readme.mjs [ADDRESS]
//
// That page shows only pictures with https addresses, not with relative paths or data URLs. ADDRESS is the https address of the folder that
// contains images/. Without it, the script removes the pictures; the walkthrough shows them too.
import { existsSync, readFileSync } from 'node:fs';

const [address] = process.argv.slice(2);
if (address && !/^https:\/\//.test(address)) {
  console.error(`${address} is not an https address`);
  process.exit(2);
}
const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const page = text.replace(/!\[([^\]]*)\]\(([^)]+)\)\n\n?/g, (_, about, path) => {
  if (!existsSync(new URL(`../${path}`, import.meta.url))) {
    throw new Error(`README.md shows ${path}, which does not exist: add the picture or remove the link`);
  }
  return address ? `![${about}](${new URL(path, `${address.replace(/\/*$/, '')}/`).href})\n\n` : '';
});
process.stdout.write(page);
