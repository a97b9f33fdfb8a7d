// Reads an AsyncAPI document with the official parser, and fails on errors and warnings.
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const WARNING = 1; // errors are 0, and mere information is greater

const [path] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(readFileSync(path, 'utf8'));
const faults = diagnostics.filter(({ severity }) => severity <= WARNING);
for (const { code, message, path: place, range } of faults) {
  console.error(`${path}:${range.start.line + 1}: ${code}: ${message} (${place.join('.')})`);
}
if (!document || faults.length > 0) process.exit(1);
console.log(`${path}: AsyncAPI ${document.version()}, ${document.allMessages().all().length} messages, no faults`);
