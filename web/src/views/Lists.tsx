import { useMemo } from 'preact/hooks';
import { useApp } from '../app';
import type { Service } from '../api/types';
import { plural } from '../lib/format';
import { allServices, isGone } from '../parts/columns';
import { ProblemNote } from '../parts/Problem';
import { Table } from '../parts/Table';
import { judgeOf } from '../state/health';
import { useResource } from '../state/resource';
import { showNode, showOnChart } from '../state/route';
import { byPort, knownAs } from '../state/topology';

const EMPTY_SERVICES: readonly Service[] = [];

/** Every service of the site. */
export function ServicesView() {
  const { client, feed, now, route, navigate } = useApp();
  const topology = feed.topology.value;
  const columns = useMemo(() => allServices(judgeOf(topology, now.peek()), knownAs(topology)), [topology]);
  const { data, problem, reload } = useResource('services', topology?.revision ?? '', (s) => client.services(s));
  const items = useMemo(() => [...(data?.services ?? EMPTY_SERVICES)].sort(byPort), [data]);
  const open = (s: Service): void => {
    const onChart = feed.topology.peek()?.services.has(s.id) ?? false;
    navigate(onChart ? showOnChart(route.value, { kind: 'service', id: s.id }) : showNode(route.value, s.node));
  };
  return (
    <div class="scroll">
      <div class="headline">
        <h1>Services</h1>
        {data && <span class="ink2">{plural(items.length, 'service')}, also those hidden on the chart</span>}
      </div>
      {problem && <ProblemNote problem={problem} onRetry={reload} />}
      {data && (
        <Table
          label="Services"
          columns={columns}
          items={items}
          id={(s) => s.id}
          sort={{ key: 'process', descending: false }}
          last={isGone}
          onOpen={open}
          empty="No service is known yet."
        />
      )}
    </div>
  );
}
