import type { About, Check, ListedNode, MappingRule, MappingSettings, Moved, Problem, Service } from '../api/types';
import { capital } from '../lib/format';
import { byWord, ruleName, ruleOf } from './checks';
import { score } from './search';
import { serviceLabel } from './topology';

/** Why a check is where it is, and the rules that people write for it. */

/** Why it is there, as a sentence that what it says is quoted in. */
export function evidenceOf({ mapping, node, host }: Pick<Check, 'node' | 'mapping' | 'host'>): string {
  if (node && mapping) return capital(mapping.evidence);
  return mapping?.evidence ? capital(mapping.evidence) : `No node is known as ${host}`;
}

/** The order in which mappings are decided, which is that of the filters; what needs people is last. */
const ORDER: readonly string[] = ['rule', 'alias', 'port', 'address', 'known', 'name', 'host', 'ambiguous', 'none'];

/** How many checks each decided on, in the order in which they decide; those that decided on none are left out. */
export function countsByRule(checks: readonly Check[]): (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const c of checks) counts.set(ruleOf(c), (counts.get(ruleOf(c)) ?? 0) + 1);
  const place = (rule: string): number => (ORDER.indexOf(rule) + ORDER.length + 1) % (ORDER.length + 1);
  return [...counts].sort(([a], [b]) => place(a) - place(b));
}

/** The title of a filter by what decided. */
export function byTitle(rule: string): string {
  return { rule: 'Rule', alias: 'Alias', port: 'Port', address: 'Address', known: 'Well-known', name: 'Name', host: 'Whole host', ambiguous: 'Ambiguous', none: 'Of no node' }[rule] ?? capital(rule);
}

/** The checks on which this decided, in which every word stands. */
export function mappedChecks(checks: readonly Check[], by: string, find: string): readonly Check[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return checks.filter((c) => {
    if (by && ruleOf(c) !== by) return false;
    const text = [c.host, c.name, c.node, c.service, c.source, c.mapping?.evidence, byWord(c)].join('\n').toLowerCase();
    return words.every((w) => text.includes(w));
  });
}

/** How many checks are on what. */
export interface Tally {
  checks: number;
  services: number;
  nodes: number;
  ambiguous: number;
  none: number;
}

export function tally(checks: readonly Check[]): Tally {
  const of = (is: (c: Check) => boolean): number => checks.filter(is).length;
  return {
    checks: checks.length,
    services: of((c) => Boolean(c.node && c.service)),
    nodes: of((c) => Boolean(c.node && !c.service && !c.mapping?.ambiguous)),
    ambiguous: of((c) => ruleOf(c) === 'ambiguous'),
    none: of((c) => !c.node),
  };
}

/** For each rule of the settings, the checks that it decided on. */
export function decidedBy(rules: readonly MappingRule[], checks: readonly Check[]): Check[][] {
  const found = new Map<string, Check[]>();
  for (const c of checks) {
    const name = c.node && c.mapping && !c.mapping.ambiguous ? ruleName(c.mapping) : '';
    if (!name) continue;
    const list = found.get(name);
    if (list) list.push(c);
    else found.set(name, [c]);
  }
  return rules.map((r, i) => found.get(`rule ${r.name || i + 1}`) ?? []);
}

/** Where a check can be put. */
export interface Target {
  node: string;
  /** '' is the node as a whole. */
  service: string;
  title: string;
  aside: string;
  /** The check may well be about it. */
  likely: boolean;
}

/** So many targets are listed; more words narrow them down. */
export const TARGETS_SHOWN = 60;

const collator = new Intl.Collator('en', { numeric: true });

/**
 * Where a check can be put, the likeliest first: what its mapping was in doubt between,
 * the services of its node, then the rest. The check of a host is on a node as a whole.
 */
export function targetsOf(check: Check, nodes: readonly ListedNode[], services: readonly Service[], query: string): Target[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const named = new Map(nodes.map((n) => [n.name, n.known_as || n.name]));
  const rate = (texts: readonly string[]): number => {
    const rates = words.map((w) => Math.max(0, ...texts.map((t) => score(t, w))));
    return rates.includes(0) ? 0 : rates.reduce((a, b) => a + b, 1);
  };
  const candidates = check.mapping?.candidates ?? [];
  const found: (Target & { rank: number })[] = [];
  const add = (target: Target, near: number, texts: readonly string[]): void => {
    const rated = rate(texts);
    if (rated > 0) found.push({ ...target, rank: rated + (target.likely ? 100 : 0) + (words.length === 0 ? near : near / 10) });
  };
  for (const s of check.kind === 'host' || !check.name ? [] : services) {
    const node = named.get(s.node) ?? s.node;
    const title = serviceLabel(s) + (s.state === 'gone' ? ', gone' : '');
    add({ node: s.node, service: s.id, title, aside: node, likely: candidates.includes(s.id) }, s.state === 'gone' ? 0 : s.node === check.node ? 20 : 1, [
      s.process, String(s.port), `:${s.port}`, s.node, node, s.unit ?? '', s.container ?? '', s.image ?? '',
    ]);
  }
  for (const n of nodes) {
    if (n.kind === 'internet' || n.kind === 'network') continue;
    const title = named.get(n.name) ?? n.name;
    add({ node: n.name, service: '', title, aside: 'the node as a whole', likely: candidates.includes(n.name) }, n.name === check.node ? 10 : alike(title, check.host) ? 5 : 0, [title, n.name, ...n.addresses]);
  }
  return found.sort((a, b) => b.rank - a.rank || collator.compare(a.aside, b.aside) || collator.compare(a.title, b.title));
}

/** Whether one name begins like the other, up to its domain. */
function alike(a: string, b: string): boolean {
  const first = (name: string): string => name.toLowerCase().split('.')[0] ?? '';
  return first(a) !== '' && first(a) === first(b);
}

/** The one text that a regular expression matches, as corrections write it; null where it may match others. */
export function exactText(pattern: string): string | null {
  const [, , folded, plain] = /^\^(\(\?-i:(.*)\)|(.*))\$$/s.exec(pattern) ?? [];
  const inner = folded ?? plain;
  if (inner === undefined) return null;
  const text = inner.replace(/\\([^\w\s])/g, '$1');
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&') === inner ? text : null;
}

function patternWords(pattern: string): string {
  const exact = exactText(pattern);
  return exact === null ? `like ${pattern}` : `“${exact}”`;
}

/** The port of a rule as it is written in one field: `1194/udp`, or whatever was typed. */
export function portText({ port, protocol }: MappingRule): string {
  if (!port) return '';
  return protocol && typeof port === 'number' ? `${port}/${protocol}` : String(port);
}

/** A rule with the port that was typed; what is none goes as it is, for the server to name the rule that it breaks. */
export function withPort(rule: MappingRule, text: string): MappingRule {
  const rest = { ...rule };
  delete rest.port;
  delete rest.protocol;
  const [, port, protocol] = /^\s*(\d+)\s*(?:\/\s*(tcp|udp)\s*)?$/i.exec(text) ?? [];
  if (port === undefined) return text.trim() ? { ...rest, port: text as unknown as number } : rest;
  return { ...rest, port: Number(port), ...(protocol ? { protocol: protocol.toLowerCase() as 'tcp' | 'udp' } : {}) };
}

/** Which checks a rule is about, and where it puts them, as a sentence. */
export function ruleWords({ check, host, process, port, protocol, node }: MappingRule): string {
  const which = check ? `Checks called ${patternWords(check)}` : 'All checks';
  const on = host ? ` of host ${patternWords(host)}` : '';
  const place = node ? ` of ${node}` : '';
  if (!process && !port) return `${which}${on} are about ${node ?? 'their node'} as a whole.`;
  const where = port ? `port ${port}${protocol === 'udp' ? ' (UDP)' : ''}` : '';
  const what = [process ? `process ${patternWords(process)}` : 'what listens', where].filter(Boolean).join(' on ');
  return `${which}${on} are about ${what}${place}.`;
}

const FIELDS = ['name', 'check', 'host', 'process', 'port', 'protocol', 'node'] as const;
export type RuleField = (typeof FIELDS)[number];

/** A rule without what is empty. */
export function trimmed(rule: MappingRule): MappingRule {
  return Object.fromEntries(FIELDS.map((f) => [f, rule[f]]).filter(([, v]) => v !== undefined && v !== '' && v !== 0)) as MappingRule;
}

/** The line of dotm.yaml for a rule: YAML takes the strings of JSON. */
export function yamlRule(rule: MappingRule): string {
  const said = FIELDS.filter((f) => trimmed(rule)[f] !== undefined);
  return `- {${said.map((f) => `${f}: ${f === 'port' || f === 'protocol' ? String(rule[f]) : JSON.stringify(rule[f])}`).join(', ')}}`;
}

/** The line of dotm.yaml for an alias. */
export function yamlAlias(host: string, node: string): string {
  return `${JSON.stringify(host)}: ${JSON.stringify(node)}`;
}

/** What is wrong with rules and aliases, by where. */
export interface Wrongs {
  /** By `INDEX.FIELD`. */
  rules: ReadonlyMap<string, string>;
  /** By the monitored host. */
  aliases: ReadonlyMap<string, string>;
  /** What is said of no field. */
  other: string;
}

export const NOTHING_WRONG: Wrongs = { rules: new Map(), aliases: new Map(), other: '' };

/** What a problem says of each field: its locations are `body.mapping[2].check` and `body.aliases[db-main]`. */
export function wrongsOf({ errors = [], detail, title }: Problem): Wrongs {
  const rules = new Map<string, string>();
  const aliases = new Map<string, string>();
  for (const { location = '', message } of errors) {
    const [, index, field] = /\bmapping\[(\d+)\](?:\.(\w+))?/.exec(location) ?? [];
    const [, host] = /\baliases\[(.*)\]$/s.exec(location) ?? [];
    if (index !== undefined) rules.set(`${index}.${field ?? 'check'}`, capital(message));
    else if (host !== undefined) aliases.set(host, capital(message));
  }
  const placed = rules.size + aliases.size > 0;
  const said = errors.map((e) => e.message).join('; ');
  return { rules, aliases, other: placed ? '' : capital(detail || said || title) };
}

/** Whether two settings say the same. */
export function sameSettings(a: MappingSettings, b: MappingSettings): boolean {
  const key = ({ aliases, mapping }: MappingSettings): string =>
    JSON.stringify([Object.entries(aliases).sort(([x], [y]) => (x < y ? -1 : 1)), mapping.map(trimmed)]);
  return key(a) === key(b);
}

/** A list with one item elsewhere; as it is where there is no such place. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  if (from < 0 || from >= list.length || to < 0 || to >= list.length) return next;
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** The name of a check that moves; that of a host has none. */
export function movedName({ host, name }: Pick<Moved, 'host' | 'name'>): string {
  return name ? `${host} ${name}` : `host ${host}`;
}

/** What a check is about, with names from the topology where it has them. */
export function aboutText({ node, service, mapping }: About, label: (service: string) => string, named: (node: string) => string): string {
  if (!node) return 'no node';
  if (service) return `${label(service)} on ${named(node)}`;
  return mapping?.ambiguous ? `${named(node)}, ambiguous` : `${named(node)} as a whole`;
}
