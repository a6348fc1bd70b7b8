import { useApp } from '../app';
import type { ChartNode, Forward, NodeInfo, Service } from '../api/types';
import { figure } from '../lib/format';
import { Icon } from '../parts/Icon';
import { formatRoute, showNode } from '../state/route';
import { type Topology, containerName, containersOf } from '../state/topology';

/** What runs inside a host: its containers, and where its address translation sends calls. */
export function Inside({ node }: { node: NodeInfo }) {
  const { feed } = useApp();
  const topology = feed.topology.value;
  const containers = containersOf(topology, node.name);
  const forwards = node.forwards ?? [];
  if (containers.length + forwards.length === 0) return null;
  return (
    <div class="columns">
      {containers.length > 0 && <Containers topology={topology} containers={containers} />}
      {forwards.length > 0 && <Forwards forwards={forwards} containers={containers} />}
    </div>
  );
}

function NodeLink({ name, children }: { name: string; children: string }) {
  const { route } = useApp();
  return <a href={formatRoute(showNode(route.value, name))}>{children}</a>;
}

/** What one of the services of a container says of all of it. */
function saidOf(services: Iterable<Service>, key: 'image' | 'pod'): string {
  for (const s of services) if (s[key]) return s[key];
  return '';
}

function Containers({ topology, containers }: { topology: Topology | null; containers: readonly ChartNode[] }) {
  const services = (name: string): Service[] => [...(topology?.services.values() ?? [])].filter((s) => s.node === name);
  const rows = containers.map((node) => ({ node, services: services(node.name) }));
  const images = rows.some((r) => saidOf(r.services, 'image'));
  return (
    <section>
      <div class="section-head">
        <h3>Containers</h3>
        <span>{figure(containers.length)}</span>
      </div>
      <div class="table-wrap">
        <table aria-label="Containers">
          <thead>
            <tr>
              <th scope="col">Container</th>
              {images && <th scope="col">Image</th>}
              <th scope="col">Address</th>
              <th scope="col" class="number">
                Services
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.node.name}>
                <td class="strong">
                  <Icon name="container" /> <NodeLink name={r.node.name}>{containerName(r.node)?.container ?? r.node.name}</NodeLink>
                </td>
                {images && <td>{saidOf(r.services, 'image')}</td>}
                <td class="mono">{r.node.addresses[0]}</td>
                <td class="number" data-label="Services">
                  {figure(r.services.length)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The container that has the address of an `address:port`. */
function behind(to: string, containers: readonly ChartNode[]): ChartNode | undefined {
  const address = to.slice(0, to.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return containers.find((n) => n.addresses.includes(address));
}

function Forwards({ forwards, containers }: { forwards: readonly Forward[]; containers: readonly ChartNode[] }) {
  return (
    <section>
      <div class="section-head">
        <h3>Address translation</h3>
        <span>{figure(forwards.length)}</span>
      </div>
      <div class="table-wrap">
        <table aria-label="Address translation">
          <thead>
            <tr>
              <th scope="col">What calls</th>
              <th scope="col">Arrives at</th>
              <th scope="col">Container</th>
            </tr>
          </thead>
          <tbody>
            {forwards.map((f) => {
              const node = behind(f.to, containers);
              return (
                <tr key={`${f.protocol} ${f.from} ${f.to}`}>
                  <td class="mono">
                    {f.from}/{f.protocol}
                  </td>
                  <td class="mono">→ {f.to}</td>
                  <td>{node && <NodeLink name={node.name}>{containerName(node)?.container ?? node.name}</NodeLink>}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The facts that only a container has: its host, and what it was started from. */
export function ContainerFacts({ node, services }: { node: NodeInfo; services: readonly Service[] }) {
  const inHost = containerName(node);
  if (!inHost) return null;
  const image = saidOf(services, 'image');
  const pod = saidOf(services, 'pod');
  return (
    <>
      <div>
        <dt>Host</dt>
        <dd>
          <NodeLink name={inHost.host}>{inHost.host}</NodeLink>
        </dd>
      </div>
      {image && (
        <div>
          <dt>Image</dt>
          <dd>{image}</dd>
        </div>
      )}
      {pod && (
        <div>
          <dt>Pod</dt>
          <dd>{pod}</dd>
        </div>
      )}
    </>
  );
}
