/**
 * The JSON of the HTTP API, word for word. Times are RFC 3339 in UTC; layout
 * figures are chart units, which are CSS pixels at zoom 1.
 */

export type Level = 'service' | 'node';

/** What the `hide` parameter can leave out of the answer. */
export type HideKind = 'old' | 'ignored' | 'infrastructure' | 'observers';

export type NodeKind = 'host' | 'container' | 'inferred' | 'virtual' | 'network' | 'internet';
export type NodeState = 'reporting' | 'stale' | 'inferred';

/** The worst check of a node or service; NONE is "nobody checks this". */
export type Status =
  | 'NONE'
  | 'OK'
  | 'WARNING'
  | 'CRITICAL'
  | 'UNKNOWN'
  | 'PENDING'
  | 'DOWN'
  | 'UNREACHABLE';

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

export interface NodeInfo {
  name: string;
  kind: NodeKind;
  zone: string;
  addresses: string[];
  state: NodeState;
  status: Status;
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

/** A node as /topology has it: with its place on the chart. */
export interface ChartNode extends NodeInfo {
  layout: Layout;
  rows?: Row[];
}

/** A node as /nodes has it: with counts instead of a place. */
export interface ListedNode extends NodeInfo {
  services: number;
  connections: number;
}

export interface Service {
  id: string;
  node: string;
  protocol: Protocol;
  port: number;
  process: string;
  user?: string;
  addresses: string[];
  scope: 'loopback' | 'host' | '';
  state: 'listening' | 'gone' | 'seen';
  status: Status;
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
  seen_by: Sighting[];
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
  subject: 'node' | 'service' | 'connection';
  id: string;
  node: string;
  process?: string;
  peer?: string;
  port?: number;
  what?: string[];
}

export interface EventList {
  from: string;
  to: string;
  events: ChartEvent[];
  more: boolean;
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

export interface Removed {
  nodes?: string[] | null;
  services?: string[] | null;
  connections?: string[] | null;
}

/** One `delta` event: whole objects to put in place, and names to take away. */
export interface Delta {
  from: string;
  revision: string;
  at: string;
  width?: number;
  height?: number;
  coverage?: Coverage;
  hidden?: Hidden;
  nodes?: ChartNode[] | null;
  services?: Service[] | null;
  connections?: Connection[] | null;
  removed?: Removed | null;
}

/** The data of `snapshot`, `resync` and `beat` events. */
export interface Mark {
  revision: string;
  at?: string;
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
  poll_interval: string;
  internal_networks: string[];
  outside_networks: NamedNetwork[];
  virtual_addresses: NamedAddress[];
  names: NamedAddress[];
  names_by: 'none' | 'hosts' | 'resolver';
  internet_split: 'none' | 'country' | 'owner';
  ignored_ports: number[];
  ignored_names: string[];
}

export type SettingName = keyof Settings;

export interface SettingsDocument {
  settings: Settings;
  locked?: SettingName[] | null;
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
