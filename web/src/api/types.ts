/**
 * The JSON of the HTTP API, word for word. Times are RFC 3339 in UTC; layout
 * figures are chart units, which are CSS pixels at zoom 1.
 */

export type Level = 'service' | 'node' | 'pool' | 'group';

/** What the `hide` parameter can leave out of the answer. */
export type HideKind = 'old' | 'ignored' | 'infrastructure' | 'observers';

export type NodeKind = 'host' | 'container' | 'inferred' | 'virtual' | 'network' | 'internet' | 'pool' | 'group';
/** `left`, `rebooting` and `stopped` (its agent alone) are what a node said itself with its last report. */
export type NodeState = 'reporting' | 'stale' | 'inferred' | 'left' | 'rebooting' | 'stopped';

/** The worst check of a node or service; NONE is "nobody checks this". */
export type Status =
  | 'NONE'
  | 'OK'
  | 'WARNING'
  | 'CRITICAL'
  | 'UNKNOWN'
  | 'PENDING'
  | 'UP'
  | 'DOWN'
  | 'UNREACHABLE';

/** What the checks on a thing say together. */
export interface Verdict {
  /** The worst of them all. */
  status: Status;
  /** The worst of those that nobody takes care of and that are not stale; a server that has none says nothing. */
  open_status?: Status;
  /** All of them are stale. */
  status_stale?: boolean;
  /** How many there are, how many are open, and how many are trouble that is taken care of. */
  checks?: number;
  open_checks?: number;
  handled_checks?: number;
  /** When one of them changed its status last. */
  status_changed?: string;
}

export type Protocol = 'tcp' | 'udp';

/** Which end of a connection something is said of. */
export type End = 'client' | 'server';

/** One rule of destination NAT that is in use: what calls `from` arrives at `to`; both `address:port`. */
export interface Forward {
  protocol: Protocol;
  from: string;
  to: string;
}

export interface Note {
  code: string;
  text: string;
  hint?: string;
}

/** How reports of a node come in. */
export type Way = 'agent' | 'text' | 'ssh' | 'import';

/** One node that a virtual address sits on, or sat on. */
export interface Holder {
  node: string;
  since: string;
  /** When it was known to be elsewhere; absent while it is there. */
  until?: string;
}

export interface Cost {
  cpu_ms: number;
  wall_ms: number;
  rss_bytes?: number;
  sockets: number;
}

export interface Layout {
  x: number;
  y: number;
  w: number;
  h: number;
  /** Of a box: somebody put it there. */
  pinned?: boolean;
}

/** A row's `process` is empty when its name could not be seen. */
export interface ServiceRow {
  kind: 'service';
  service: string;
  process: string;
  protocol: Protocol;
  port: number;
}

export interface ClientRow {
  kind: 'client';
  process: string;
}

export interface MoreRow {
  kind: 'more';
  count: number;
}

export type Row = ServiceRow | ClientRow | MoreRow;

export interface NodeInfo extends Verdict {
  name: string;
  kind: NodeKind;
  zone: string;
  addresses: string[];
  state: NodeState;
  first_seen: string;
  last_report?: string;
  interval?: string;
  agent?: string;
  this?: boolean;
  seen_by?: string[];
  /** How its reports come in; absent if it never reported. */
  collect?: Way;
  /** Its identity is nothing but its name. */
  weak_identity?: boolean;
  /** What others call a node that is known by its address alone. */
  known_as?: string;
  /** What is odd about it. */
  findings?: Note[] | null;
  /** Of a virtual address: the nodes that it sits on now, then those that it sat on, the latest first. */
  holders?: Holder[] | null;
  /** Virtual addresses that it has now. */
  virtual_addresses?: string[] | null;
  /** How far its clock is ahead of the server’s, a Go duration; negative when it is behind. */
  clock_skew?: string;
  notes?: Note[];
  forwards?: Forward[] | null;
  cost?: Cost;
}

/** One of the nodes that a pool or group stands for. */
export interface Member extends Verdict {
  name: string;
  kind: NodeKind;
  state: NodeState;
}

/** A node as /topology has it: with its place on the chart. Pools and groups have the same shape; their name is their id. */
export interface ChartNode extends NodeInfo {
  layout: Layout;
  rows?: Row[];
  /** What people call a pool or group. */
  title?: string;
  /** Ids of the group that it is in, and of the pool, if it does not stand in that pool's box. */
  group?: string;
  pool?: string;
  /** It serves everyone. */
  shared?: boolean;
  /** Of a pool or group: what it stands for. */
  members?: Member[];
}

/** A box that is gone, at its last place, which is kept free for some minutes. */
export interface Ghost {
  name: string;
  title?: string;
  kind?: NodeKind;
  group?: string;
  shared?: boolean;
  /** When it was gone, RFC 3339. */
  since?: string;
  layout: Layout;
}

/** The ground of a group's boxes; without an id, the strip of shared services. */
export interface LaneInfo {
  id: string;
  title: string;
  layout: Layout;
}

/** What a node is to others, as GET /roles has it. */
export interface PoolInfo {
  id: string;
  name: string;
  members: string[];
  group: string;
}

export interface RolesDocument {
  pools: PoolInfo[] | null;
  groups: { id: string; name: string; members: string[] | null }[] | null;
  /** What people decided; it wins over what is found. */
  choices: { names?: Record<string, string> | null; pool?: Record<string, string> | null; group?: Record<string, string> | null; shared?: Record<string, boolean> | null };
}

/** What PATCH /roles changes; null takes back what was decided. */
export interface RolesChange {
  names?: Record<string, string | null>;
  pool?: Record<string, string | null>;
  group?: Record<string, string | null>;
  shared?: Record<string, boolean | null>;
}

/** A node as /nodes has it: with counts instead of a place. */
export interface ListedNode extends NodeInfo {
  services: number;
  connections: number;
}

export interface Service extends Verdict {
  id: string;
  node: string;
  protocol: Protocol;
  port: number;
  process: string;
  user?: string;
  /** None where nobody told where it listens. */
  addresses: string[] | null;
  scope: 'loopback' | 'host' | '';
  state: 'listening' | 'gone' | 'seen';
  own: boolean;
  ignored: boolean;
  /** The systemd unit that its process belongs to. */
  unit?: string;
  /** The container it runs in, by name; empty if in none. */
  container?: string;
  image?: string;
  /** `namespace/name`. */
  pod?: string;
  /** Connections that wait to be accepted, how many may, and how many were turned away since first_seen. */
  queue?: number;
  queue_max?: number;
  drops?: number;
  /** Sockets of clients that are open now. */
  clients: number;
  first_seen: string;
  last_seen: string;
  last_connection?: string;
}

export interface ClientEnd {
  node: string;
  process: string;
  unit?: string;
  container?: string;
  service: string;
}

export interface ServerEnd {
  node: string;
  port: number;
  process: string;
  service: string;
}

export interface Sighting {
  node: string;
  end: End;
  at: string;
}

export interface Evidence {
  both_ends: boolean;
  /** Both ends name the same sockets. */
  confirmed?: boolean;
  /** Null where it stands for connections of several nodes. */
  seen_by: Sighting[] | null;
  client_address?: string;
  server_address?: string;
  client_resolved?: string;
  server_resolved?: string;
}

/** What the kernel of one end measures on its open sockets. What is absent is zero. */
export interface Health {
  /** Which end measured. */
  end: End;
  /** Mean round trip and its mean deviation, µs. */
  rtt_us?: number;
  rttvar_us?: number;
  /** Payload from the client to the server, and back. */
  sent_bytes_per_second?: number;
  received_bytes_per_second?: number;
  /** Share of the segments that the measuring end had to send again, 0 to 1. */
  retransmit_ratio?: number;
  /** Sockets that wait for the server's answer, the oldest since then. */
  connecting?: number;
  connecting_since?: string;
  /** Sockets that the other end closed and the process of this one did not. */
  close_wait?: number;
  close_wait_since?: string;
}

export interface Connection {
  id: string;
  client: ClientEnd;
  server: ServerEnd;
  protocol: Protocol;
  count: number;
  opened: number;
  /** Attempts that came to nothing since first_seen; absent when there were none. */
  refused?: number;
  timed_out?: number;
  failed?: number;
  first_seen: string;
  last_seen: string;
  last_connection?: string;
  directed: boolean;
  status: 'fresh' | 'old';
  health?: Health;
  own: boolean;
  /** Its client only looks at many nodes, briefly: monitoring, health checks, scanners. */
  observer?: boolean;
  /** How many addresses stand behind the end that is the Internet or a network. */
  peers?: number;
  evidence?: Evidence;
}

export interface Coverage {
  nodes: number;
  reporting: number;
  stale: number;
  /** Those that said they go: they are none of `nodes`. */
  left?: number;
  connections: number;
  one_sided: number;
  process_names_hidden: number;
}

/** What the hide filter left out: once by what it is, once by why. */
export interface Hidden {
  services: number;
  connections: number;
  /** Services and connections together, as the two below. */
  ignored: number;
  /** Those of dotm itself. */
  infrastructure: number;
  old: number;
  /** Connections of clients that only look at many nodes. */
  observers: number;
}

/** The answer of GET /topology. */
export interface TopologyDocument {
  revision: string;
  at: string;
  level: Level;
  hide: HideKind[];
  hidden: Hidden;
  width: number;
  height: number;
  coverage: Coverage;
  ghosts?: Ghost[] | null;
  lanes?: LaneInfo[] | null;
  pools?: ChartNode[] | null;
  groups?: ChartNode[] | null;
  nodes: ChartNode[];
  services: Service[];
  connections: Connection[];
  /** How it was at a moment gone by. */
  past?: boolean;
  /** What could not be seen then. */
  gaps?: Gap[];
}

/** A time in which a node, or without a name everything, was not seen. */
export interface Gap {
  node?: string;
  from: string;
  /** Missing while it lasts. */
  to?: string;
  why: string;
}

/** One change of the chart. */
export interface ChartEvent {
  at: string;
  kind: 'appeared' | 'vanished' | 'changed';
  subject: 'node' | 'service' | 'connection' | 'check';
  id: string;
  /** Empty for a check that is of no node. */
  node: string;
  process?: string;
  peer?: string;
  port?: number;
  what?: string[];
  /** Of a check: what its source calls it, and how it was and is; absent where it was not, or is no more. */
  check?: { source: string; host: string; name: string; service?: string; was?: Status; status?: Status };
}

export interface EventList {
  from: string;
  to: string;
  events: ChartEvent[];
  more: boolean;
}

/** How much changed in each step of a time: what appeared or changed, and what vanished. */
export interface EventCounts {
  from: string;
  to: string;
  up: readonly number[];
  down: readonly number[];
}

export interface HistoryDocument {
  now: string;
  from: string | null;
  events: number;
  bytes: number;
  events_lost: number;
  gaps: Gap[];
  server?: { name: string; role: 'joining' | 'leading' | 'following' | 'alone'; leader: string; trouble?: string };
  problem?: string;
}

/** How a thing differs between two moments. */
export interface Difference {
  change: ChartEvent['kind'];
  /** Of what appeared: it had been there before. */
  returned: boolean;
  /** The fields that changed. */
  what?: string[];
}

/** The answer of GET /diff: each thing as it was last. */
export interface Comparison {
  from: string;
  to: string;
  nodes: (Difference & { node: NodeInfo })[];
  services: (Difference & { service: Service })[];
  connections: (Difference & { connection: Connection })[];
  /** Absent from a server that knows of no checks. */
  checks?: (Difference & { check: Check })[] | null;
  gaps: Gap[];
}

/** One result of a monitoring system. */
export interface Check {
  id: string;
  /** The monitoring instance. */
  source: string;
  kind: 'host' | 'service';
  /** As the monitoring system calls them; the check of a host has no name. */
  host: string;
  name: string;
  status: Status;
  /** False while the system tries again before it believes it. */
  hard: boolean;
  acknowledged: boolean;
  downtime: boolean;
  flapping: boolean;
  /** The system takes it for a mere symptom. */
  suppressed: boolean;
  since?: string;
  last_check?: string;
  last_ok?: string;
  /** A Go duration. */
  interval?: string;
  /** Nothing is known of it any more. */
  stale: boolean;
  /** One line, any characters. */
  output: string;
  link?: string;
  groups?: string[] | null;
  /** What it is about; without a service the node as a whole. */
  node?: string;
  service?: string;
  mapping?: Mapping;
  /** What dotm saw in the sockets, where it is dotm's own. */
  signal?: SocketSignal;
}

/** What a check of dotm's own saw. */
export interface SocketSignal {
  kind: string;
  /** What it says as a sentence; a former version kept none. */
  title?: string;
  /** The edge that it is about, with both its ends. */
  connection?: string;
  client?: ClientEnd;
  server?: ServerEnd;
  figure: number;
  unit?: string;
  /** What is usual; absent where nothing is. */
  baseline?: number;
  limit?: number;
}

/** From when on something that the sockets show is told. */
export interface Threshold {
  off: boolean;
  limit: number;
  /** A Go duration. */
  for: string;
}

/** Why a check belongs to what it is mapped on. */
export interface Mapping {
  rule: string;
  evidence: string;
  ambiguous?: boolean;
  candidates?: string[] | null;
}

/** Leads checks to a service, or with neither process nor port to a node. Check, process and host are regular expressions (RE2). */
export interface MappingRule {
  /** What people call it. */
  name?: string;
  check?: string;
  host?: string;
  process?: string;
  port?: number;
  protocol?: Protocol | '';
  node?: string;
}

/** What people say about what belongs to what. */
export interface MappingSettings {
  /** Names of monitored hosts with the node that each is. */
  aliases: Record<string, string>;
  /** The first that leads to a service decides. */
  mapping: MappingRule[];
}

/** What a check is about; nothing where no node is found. */
export interface About {
  node?: string;
  service?: string;
  mapping?: Mapping;
}

/** A check that other rules put elsewhere. */
export interface Moved {
  id: string;
  source: string;
  host: string;
  name: string;
  from: About;
  to: About;
}

/** What brings a check where people point: a rule before all others, or the alias of its host. */
export interface Correction {
  rule?: MappingRule;
  /** The monitored host that is an alias of the node. */
  alias?: string;
  node: string;
  /** Of a preview: what it moves. */
  moves?: Moved[] | null;
}

/** One end of what is declared: as the monitoring system calls it, and what that is on the chart. */
export interface Party {
  host: string;
  name?: string;
  node?: string;
  service?: string;
}

/** What people declared in a monitoring system, with what the sockets tell of it. */
export interface Relation {
  source: string;
  kind: 'dependency' | 'parent' | 'group';
  /** What needs, is reached, or is in the group. */
  of: Party;
  to?: Party;
  group?: string;
  /** Of a dependency: a connection to the very service, one to its node, none though both report, or nobody can tell. */
  observed?: 'connection' | 'node' | 'none' | 'unknown';
}

/** One thing that is odd, and what to do about it. */
export interface Finding {
  code: string;
  /** The node, source or monitored host that it is about. */
  node: string;
  /** The id of the service that it is about. */
  service?: string;
  text: string;
  hint?: string;
  since?: string;
}

/** What definitions are written for. */
export type DefinitionSystem = 'nagios' | 'icinga2';

/** The answer of GET /checks. */
export interface CheckList {
  at?: string;
  checks: Check[];
}

/** Which checks are wanted. */
export interface CheckQuery {
  id?: string;
  node?: string;
  service?: string;
  open?: boolean;
  /** Words that all stand in its host, name or node. */
  find?: string;
  limit?: number;
}

export type SourceKind = 'nagios' | 'icinga' | 'icinga2' | 'livestatus' | 'alertmanager' | 'zabbix' | 'passive' | 'signals';

/** A monitoring instance, as people describe it. */
export interface SourceOptions {
  name: string;
  /** '' is to be found out. */
  kind: SourceKind | '';
  url: string;
  user?: string;
  /** Written once, never read back. */
  password?: string;
  /** A Go duration. */
  interval?: string;
  tls?: { ca_file?: string; server_name?: string; skip_verify?: boolean };
  /** Where people see it, if that is not the URL. */
  link?: string;
  /** Checks may be acknowledged from here. */
  acknowledge?: boolean;
}

/** What there is of a source. */
export interface SourceSummary {
  program?: string;
  version?: string;
  hosts: number;
  checks: number;
  unmapped: number;
  took_ms?: number;
  notes?: Note[] | null;
}

/** A source and how it is. */
export interface Source extends SourceOptions, SourceSummary {
  /** dotm.yaml names it. */
  fixed: boolean;
  /** It is dotm's own: what the sockets show. */
  built_in?: boolean;
  /** It has a password. */
  login?: boolean;
  state: 'ok' | 'failing' | 'stale' | 'new';
  error?: { reason?: string; text: string; hint?: string };
  /** Readings that failed since the server reads it. */
  failures?: number;
  since: string;
  last_read?: string;
  /** It tells of changes by itself. */
  watching?: boolean;
  /** What acknowledging does and where; '' where it can't be done. */
  acknowledges?: string;
}

/** The answer of GET /sources. */
export interface SourceList {
  sources: Source[] | null;
  /** There is a monitoring system: dotm's own source is none, whatever it tells. */
  monitored?: boolean;
}

/** The answer of POST /sources/test. */
export interface SourceTest extends SourceSummary {
  kind: SourceKind;
}

/** Who used a service, and when first and last. */
export interface Use {
  service: string;
  connection: string;
  client: ClientEnd;
  first: string;
  last: string;
  observer?: boolean;
}

/** The answer of GET /services/{id}/uses. */
export interface Usage {
  since: string;
  until: string;
  uses: Use[];
  /** The share of the time that was seen, 0 to 1. */
  covered: number;
  /** Days of which anything was seen. */
  days: number;
  gaps: Gap[];
}

/** Which events are wanted; without a kind, subject or node all of them. */
export interface EventQuery {
  from: string;
  /** '' is now. */
  to: string;
  node?: string;
  subject?: ChartEvent['subject'] | '';
  kind?: ChartEvent['kind'] | '';
  limit?: number;
}

export interface Removed {
  nodes?: string[] | null;
  services?: string[] | null;
  connections?: string[] | null;
}

/** An id, and a JSON merge patch (RFC 7396) of what it names. */
export type Patched = readonly [id: string, patch: Readonly<Record<string, unknown>>];

/** What changed of what the viewer has: boxes by their names. */
export interface Changes {
  pools?: readonly Patched[];
  groups?: readonly Patched[];
  nodes?: readonly Patched[];
  /** Of the members of pools and groups, by the name of the box: a patch of an object that has them by their names. */
  members?: readonly Patched[];
  services?: readonly Patched[];
  connections?: readonly Patched[];
}

/** One `delta` event: whole objects to put in place, patches of others, and names to take away. */
export interface Delta {
  from: string;
  revision: string;
  at: string;
  width?: number;
  height?: number;
  coverage?: Coverage;
  hidden?: Hidden;
  /** All of them, if one changed. */
  ghosts?: Ghost[] | null;
  lanes?: LaneInfo[] | null;
  pools?: ChartNode[] | null;
  groups?: ChartNode[] | null;
  nodes?: ChartNode[] | null;
  services?: Service[] | null;
  connections?: Connection[] | null;
  removed?: Removed | null;
  /** Only of lines that ask for fields. */
  changed?: Changes;
}

/** The data of `snapshot`, `resync` and `beat` events. */
export interface Mark extends Told {
  revision: string;
  at?: string;
}

/** Names of what is shown beside the chart: while a name stays, what it names is as it was. */
export interface Told {
  /** What open checks say. */
  alerts?: string;
  /** How the monitoring systems are. */
  sources?: string;
  /** When they were read: all checks may have changed. */
  read?: string;
  /** Whether the history is written. */
  store?: string;
}

export interface NodeDocument {
  node: NodeInfo;
  services: Service[];
  connections: Connection[];
}

/** A node that the server asks, because it does not report by itself. */
export interface Target {
  /** `text://host:port` or `ssh://user@host`; its name. */
  url: string;
  zone: string;
  name?: string;
  /** dotm.yaml names it: it cannot be removed here. */
  fixed?: boolean;
  /** The node that answered; '' if none did yet. */
  node: string;
  added?: string;
  interval?: string;
  last_try?: string;
  last_success?: string;
  /** What went wrong at the last try, in words, and in one word for programs. */
  problem?: string;
  kind?: string;
}

/** The answer of GET /nodes. */
export interface NodeList {
  nodes: ListedNode[];
  targets?: Target[];
}

export interface NewTarget {
  url: string;
  zone?: string;
  name?: string;
}

/** A host that others know and that does not report. */
export interface Suggestion {
  address: string;
  name: string;
  zone: string;
  /** The node that stands for it on the chart. */
  node?: string;
  evidence: { by: string; text: string }[];
  /** Addresses to ask it by. */
  try: string[];
}

export interface SuggestionList {
  suggestions: Suggestion[];
  /** Also those that are not listed. */
  total?: number;
}

export type Role = 'viewer' | 'operator' | 'admin' | '';

/** Who asks, as the server sees it. */
export interface Session {
  /** '' for somebody who did not log in. */
  user: string;
  role: Role;
  /** They must log in before they are answered anything else. */
  needed: boolean;
  /** Nobody has a password yet. */
  setup?: boolean;
  how?: How;
  /** The OpenID provider that `login/oidc` leads to; absent where there is none. */
  provider?: string;
}

/** How somebody logged in. */
export type How = 'password' | 'htpasswd' | 'oidc' | 'proxy';

/** Somebody whose password is kept here. */
export interface User {
  name: string;
  role: Role;
  /** They have one, and so can log in. */
  password: boolean;
  /** Until when a link sets their password. */
  link_expires?: string;
  created?: string;
  last_login?: string;
}

/** A link that sets a password, shown once. */
export interface LoginLink {
  secret: string;
  expires: string;
  url: string;
}

/** One login that goes on. */
export interface ListedSession {
  id: string;
  user: string;
  role: Role;
  how: How;
  address?: string;
  program?: string;
  created: string;
  used: string;
  /** It is the one that asks. */
  this: boolean;
}

/** A token of a script. */
export interface APIToken {
  id: string;
  name: string;
  role: Role;
  by: string;
  created: string;
  /** Absent where it has no end. */
  expires?: string;
  used?: string;
  used_from?: string;
  /** Of a link for embedding: the one question that it asks. */
  embed?: Embed;
}

/** What a link for embedding shows. */
export interface Embed {
  formats: string[];
  query: string;
  /** It may also ask for moments gone by. */
  at?: boolean;
}

/** Where something is declared. */
export interface DriftPlace {
  file: string;
  line?: number;
}

/** A rule of a declaration. */
export interface DriftRule extends DriftPlace {
  from: string;
  to: string;
  /** `tcp/5432`; absent for any. */
  port?: string;
  why?: string;
}

/** A connection that no rule allows, or that one denies. */
export interface DriftConnection {
  id: string;
  client: ClientEnd;
  server: ServerEnd;
  protocol: Protocol;
  directed: boolean;
  since: string;
  last: string;
  open: number;
  seen_by: string[];
  both_ends: boolean;
  rule?: DriftRule;
  /** The rule that would allow it, as it would stand in the file. */
  allow?: string;
}

/** A rule that nothing bears out. */
export interface DriftMissing extends DriftRule {
  reason: string;
  last?: string;
  from_nodes?: string[];
  to_nodes?: string[];
}

export interface DriftMatching extends DriftRule {
  connections: number;
  since?: string;
  last?: string;
}

/** A version of the declaration that the server keeps. */
export interface KeptDeclaration {
  version: number;
  name: string;
  folder?: string;
  form: string;
  rules: number;
  bytes: number;
  by: string;
  at: string;
  text?: string;
}

export interface DeclarationDocument extends KeptDeclaration {
  versions: KeptDeclaration[];
}

/** What differs between the declaration and the chart. */
export interface DriftDocument {
  at: string;
  declared: string;
  form: string;
  drift: boolean;
  unexpected: DriftConnection[];
  forbidden: DriftConnection[];
  missing: DriftMissing[];
  unknown: DriftMissing[];
  matching: DriftMatching[];
  connections: number;
  outside: number;
  coverage: Coverage;
  declaration: KeptDeclaration;
}

/** One line of the audit log. */
export interface AuditEntry {
  at: string;
  kind: 'user' | 'token' | 'socket' | 'agent' | 'nobody';
  who?: string;
  how?: string;
  role?: string;
  from?: string;
  via?: string;
  /** The operation, like `change-settings`. */
  what: string;
  on?: string;
  changes?: { field: string; before?: string; after?: string }[];
  result: 'done' | 'refused' | 'failed';
  status?: number;
  why?: string;
}

export interface AuditList {
  entries: AuditEntry[];
  more?: boolean;
}

/** An enrolled agent or relay. */
export interface Agent {
  id: string;
  role?: 'agent' | 'relay';
  name: string;
  zone: string;
  version?: string;
  enrolled: string;
  last_report?: string;
  last_address?: string;
  /** The relay that forwarded it. */
  via?: string;
  revoked?: string;
}

/** An enrolment token, without its secret. */
export interface Token {
  id: string;
  role?: 'agent' | 'relay';
  /** How often it may be used; 0 is any number. */
  uses: number;
  used: number;
  created: string;
  expires: string;
}

/** A token as it is shown once. */
export interface NewToken {
  token: string;
  id: string;
  expires: string;
}

/** The answer of GET /explain. */
export interface Explanation {
  connections: Connection[];
  text: string[];
}

export interface NamedAddress {
  address: string;
  name: string;
}

export interface NamedNetwork {
  name: string;
  networks: string[];
}

export interface Settings {
  ageing: string;
  hide_after: string;
  expire_after: string;
  stale_after: string;
  retention: string;
  /** 0 is no limit. */
  retention_bytes: number;
  key_frames: string;
  ledger_retention: string;
  /** Absent from a server that keeps no audit log. */
  audit_retention?: string;
  poll_interval: string;
  internal_networks: string[];
  outside_networks: NamedNetwork[];
  virtual_addresses: NamedAddress[];
  names: NamedAddress[];
  names_by: 'none' | 'hosts' | 'resolver';
  internet_split: 'none' | 'country' | 'owner';
  ignored_ports: number[];
  ignored_names: string[];
  /** Absent from a server that knows of no checks. */
  check_expiry?: string;
  /** By the kind of signal; absent from a server that finds none. */
  signals?: Record<string, Threshold>;
  aliases?: Record<string, string>;
  mapping?: MappingRule[];
}

/** Those that are a field of the settings page. */
export type SettingName = Exclude<keyof Settings, keyof MappingSettings | 'signals'>;

export interface SettingsDocument {
  settings: Settings;
  /** Names of those that dotm.yaml sets. */
  locked?: string[] | null;
}

export interface Version {
  version: string;
  go: string;
  revision: string;
  started: string;
  listen: string;
  loopback: boolean;
  /** Anyone who reaches it may read and report. */
  insecure?: boolean;
  /** Where what is shown comes from: the site itself, made up, or recorded before. */
  data?: 'live' | 'demo' | 'replay';
}

export interface ProblemDetail {
  message: string;
  location?: string;
  value?: unknown;
}

/** RFC 9457. */
export interface Problem {
  title: string;
  status: number;
  detail?: string;
  errors?: ProblemDetail[];
  /** Seconds after which asking again makes sense: the Retry-After header. */
  wait?: number;
}

/** Numbers of a node or a service, one for each step of time; null is not known. */
export interface Series {
  open: readonly (number | null)[];
  failed?: readonly (number | null)[];
  retransmit_ratio?: readonly (number | null)[];
  rtt_us?: readonly (number | null)[];
  sent_bytes_per_second?: readonly (number | null)[];
  received_bytes_per_second?: readonly (number | null)[];
}

/** The last hour of a node, as far as the server saw it. All lists begin at `from`. */
export interface RecentDocument {
  from: string;
  step_seconds: number;
  node: Series;
  /** By id: the node's services that had a connection. */
  services: Readonly<Record<string, Series>>;
}

/** A node on the map. */
export interface GeoNode extends Verdict {
  name: string;
  state: NodeState;
}

/** Where nodes are; without degrees the country alone is known. */
export interface GeoPlace {
  name: string;
  by: 'configuration' | 'geoip';
  /** ISO 3166-1 alpha-2. */
  country?: string;
  latitude: number | null;
  longitude: number | null;
  status: Status;
  open_status: Status;
  total: number;
  in_trouble: number;
  silent: number;
  /** The worst first, 500 at most. */
  nodes: readonly GeoNode[];
}

/** What the Internet's part in one country is to the site. */
export interface GeoCountry {
  code: string;
  name: string;
  peers: number;
  connections: number;
  in: number;
  out: number;
}

export interface GeoDocument {
  geoip: boolean;
  places_configured: boolean;
  places: readonly GeoPlace[];
  countries: readonly GeoCountry[];
  nodes_without_place: number;
  peers_without_country: number;
  internet_split: string;
}

/** Something of an incident as people call it, and what it is on the chart. */
export interface IncidentRef {
  /** Id in the dependency graph. */
  component: string;
  name: string;
  node?: string;
  /** Id, if it is a service. */
  service?: string;
  /** Of a program that only calls. */
  process?: string;
}

/** One check of an incident; over when it is fine again. */
export interface IncidentAlert {
  id: string;
  about: IncidentRef;
  source: string;
  host: string;
  kind: Check['kind'];
  /** Empty for the check of a host. */
  name: string;
  /** What a signal says, as a sentence. */
  title?: string;
  status: Status;
  output?: string;
  handled?: readonly string[] | null;
  /** When it was last fine and first bad, by the clock of its source. */
  after?: string;
  by?: string;
  clock: string;
  /** Why its host is none of the chart; empty if it is one. */
  stray?: string;
  /** When the server was told that it is bad, and that it is over. */
  seen: string;
  over?: string;
}

/** One edge of a path, from the client to what it needs. */
export interface IncidentStep {
  client: IncidentRef;
  server: IncidentRef;
  kind: 'calls' | 'on';
}

export interface IncidentCause extends IncidentRef {
  strength: 'strong' | 'moderate' | 'weak';
  score: number;
  sentence: string;
  chips: readonly string[] | null;
  explains: number;
  /** From the client that is furthest away to the cause. */
  path: readonly IncidentStep[] | null;
}

export interface IncidentEffect extends IncidentRef {
  why: string;
  hops?: number;
}

export interface IncidentImpact {
  predicted: readonly IncidentEffect[] | null;
  possible: readonly IncidentEffect[] | null;
  spared: readonly IncidentEffect[] | null;
  more?: number;
}

/** A component with when each of its checks went bad. */
export interface IncidentRow extends IncidentRef {
  marks: readonly { check: string; name: string; status: Status; after?: string; by: string; over?: string; clock: string }[];
}

export interface IncidentEntry {
  at: string;
  kind: 'opened' | 'alert' | 'status' | 'handled' | 'recovered' | 'cause' | 'acknowledged' | 'merged' | 'split' | 'resolved' | 'reopened';
  text: string;
  about?: string;
  check?: string;
}

/** Alerts that have to do with each other, with what is likely behind them. */
export interface Incident {
  id: string;
  state: 'open' | 'resolved';
  title: string;
  sentence: string;
  /** The first cause is no more than the first of a list. */
  unclear?: boolean;
  unsure?: string;
  status: Status;
  since: string;
  opened: string;
  updated: string;
  resolved?: string;
  reopened?: number;
  into?: string;
  from?: string;
  acknowledged?: { by: string; comment?: string; at: string };
  alerts: readonly IncidentAlert[] | null;
  causes: readonly IncidentCause[] | null;
  impact: IncidentImpact;
  not_visible: readonly IncidentRef[] | null;
  changes: readonly (IncidentRef & { at: string; what: string })[] | null;
  timeline: readonly IncidentEntry[] | null;
  timeline_dropped?: number;
  /** Since when its parts have nothing to do with each other. */
  apart?: string;
  order?: readonly IncidentRow[] | null;
}

/** An incident in a list. */
export interface IncidentSummary {
  id: string;
  state: 'open' | 'resolved';
  title: string;
  sentence: string;
  unclear?: boolean;
  status: Status;
  strength?: IncidentCause['strength'];
  cause?: IncidentRef;
  since: string;
  opened: string;
  updated: string;
  resolved?: string;
  reopened?: number;
  into?: string;
  acknowledged?: Incident['acknowledged'];
  /** Checks in trouble, and how many of them are taken care of. */
  bad: number;
  handled: number;
  /** Checks that were in trouble in its course. */
  alerts: number;
  predicted: number;
  /** In trouble; 50 at most. */
  nodes: readonly string[];
}

export interface IncidentList {
  at: string;
  /** The open ones first, then the newest. */
  incidents: readonly IncidentSummary[];
  more?: boolean;
}

/** The data of the stream's event `incidents`. */
export interface IncidentNews {
  incidents: readonly { id: string; state: IncidentSummary['state']; what: string; status: Status; title: string }[];
  /** Some were missed: the list is to be read anew. */
  reset?: boolean;
}

/** The answer of GET /impact: what would fail with things, and who was seen to use them. */
export interface WhatIf extends IncidentImpact {
  at: string;
  of: readonly IncidentRef[];
  /** Need it, and are in trouble already. */
  confirmed?: readonly IncidentEffect[] | null;
  /** The latest first. */
  users: readonly { node: string; process: string; service: string; last: string }[] | null;
  more_users?: number;
  covered_days: number;
  /** 0 to 1. */
  coverage: number;
  since: string;
  text: readonly string[] | null;
}

/** What acknowledging an incident did. */
export interface IncidentAcknowledged {
  incident: Incident;
  checks: readonly { id: string; did?: string; error?: string }[];
}
