// Prints the README as the page of the extension needs it: readme.mjs [ADDRESS]
//
// VS Code's page of an extension shows pictures of https addresses alone: no relative paths, and no data inside the page. With ADDRESS, the
// https address of the folder that has images/, the pictures are there; without it they are left out, as the walkthrough has them too.
import { existsSync, readFileSync } from 'node:fs';

const [address] = process.argv.slice(2);
if (address && !/^https:\/\//.test(address)) {
  console.error(`${address} is no https address`);
  process.exit(2);
}
const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const page = text.replace(/!\[([^\]]*)\]\(([^)]+)\)\n\n?/g, (_, about, path) => {
  if (!existsSync(new URL(`../${path}`, import.meta.url))) {
    throw new Error(`the README shows ${path}, which is missing`);
  }
  return address ? `![${about}](${new URL(path, `${address.replace(/\/*$/, '')}/`).href})\n\n` : '';
});
process.stdout.write(page);
