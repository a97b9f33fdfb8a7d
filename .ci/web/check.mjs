// Packs the client for web developers, and compiles the samples that use it against the types of
// the package.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const folder = mkdtempSync(join(tmpdir(), 'rooms-client-'));
const run = (command, ...args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8' });

const [packed] = JSON.parse(run('npm', 'pack', '--json', join(root, 'signal-server/web')));
const installed = join(folder, 'node_modules', 'rooms-client');
mkdirSync(installed, { recursive: true });
run('tar', '-xzf', packed.filename, '-C', installed, '--strip-components=1');

const samples = ['signal-server/README.md', 'docs/api.md', 'docs/api.zh.md'].map((document, place) => {
  const text = readFileSync(join(root, document), 'utf8');
  const [, sample] = /```js\n(import \{ Client \}.*?)```/s.exec(text);
  const name = `sample-${place}.mts`;
  writeFileSync(join(folder, name), sample);
  return name;
});
const options = '--strict --noEmit --module nodenext --target es2022 --lib es2022,dom,dom.iterable';
try {
  run(process.execPath, join(here, 'node_modules/typescript/lib/tsc.js'), ...options.split(' '), ...samples);
} catch (error) {
  console.error(error.stdout);
  process.exit(1);
}
// Whoever imports the package gets what its types name.
const types = readFileSync(join(installed, 'rooms-client.d.ts'), 'utf8');
const named = [...types.matchAll(/^export class (\w+)/gm)].map(([, name]) => name);
const exported = await import(join(installed, 'rooms-client.js'));
const missing = named.filter((name) => !exported[name]);
if (missing.length > 0) {
  console.error(`the package does not export ${missing.join(', ')}`);
  process.exit(1);
}
rmSync(folder, { recursive: true });
console.log(`rooms-client ${packed.version}: ${packed.entryCount} files, ${samples.length} samples compile`);
