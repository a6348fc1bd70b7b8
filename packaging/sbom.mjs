// Makes one list of parts (CycloneDX) of that of the program and that of its UI, and
// leaves out what differs from one build to the next.
//   node sbom.mjs PROGRAM.json UI.json > ALL.json
import { readFileSync } from 'node:fs';

const [program, ui] = process.argv.slice(2, 4).map((path) => JSON.parse(readFileSync(path, 'utf8')));
delete program.serialNumber;
const built = new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000).toISOString();
program.metadata.timestamp = built.replace(/\.\d+Z$/, 'Z');

const known = new Set(program.components.map((c) => c['bom-ref']));
const all = [...program.components, ...ui.components.filter((c) => !known.has(c['bom-ref']))];
const name = (c) => `${c.name}@${c.version}`;
program.components = all.sort((a, b) => (name(a) < name(b) ? -1 : 1));
if (program.dependencies) program.dependencies = [...program.dependencies, ...ui.dependencies].sort((a, b) => (a.ref < b.ref ? -1 : 1));
process.stdout.write(`${JSON.stringify(program, null, 1)}\n`);
