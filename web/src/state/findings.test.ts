import { describe, expect, it } from 'vitest';
import type { Finding } from '../api/types';
import { FINDINGS } from '../fixtures';
import { findingText, grouped, sharedHint, subjectOf } from './findings';

const finding = (code: string, change: Partial<Finding> = {}): Finding => ({ code, node: 'a', text: 'is odd', ...change });

describe('findings', () => {
  it('are grouped by kind, the worst first', () => {
    expect(grouped(FINDINGS).map((g) => `${g.weight} ${g.code} ${g.findings.length}`)).toEqual([
      'bad source-failing 1', 'gap unmonitored-node 2', 'gap unchecked-service 1', 'gap unmapped-host 1', 'note no-use-seen 1',
    ]);
    expect(grouped(FINDINGS)[1]?.findings.map((f) => f.node)).toEqual(['web02', 'web03']);
    expect(grouped([])).toEqual([]);
  });

  it('of a kind that is not known are before what is merely good to know', () => {
    const groups = grouped([finding('old-agent'), finding('brand-new'), finding('silent')]);
    expect(groups.map((g) => g.title)).toEqual(['Nodes that fell silent', 'Brand new', 'Agents of another version']);
  });

  it('say what all of them say once', () => {
    const [, nodes] = grouped(FINDINGS);
    expect(sharedHint({ findings: nodes?.findings ?? [] })).toContain('dotm report --definitions');
    expect(sharedHint({ findings: [finding('a', { hint: 'x' })] })).toBe('');
    expect(sharedHint({ findings: [finding('a', { hint: 'x' }), finding('a', { hint: 'y' })] })).toBe('');
    expect(sharedHint({ findings: [finding('a'), finding('a')] })).toBe('');
  });

  it('are about a node, a service, a source or a monitored host', () => {
    expect(['source-failing', 'source-note', 'unmapped-host', 'silent'].map((code) => subjectOf({ code }))).toEqual(['source', 'source', 'host', 'node']);
    expect(subjectOf({ code: 'unchecked-service', service: 'x' })).toBe('service');
  });

  it('do not repeat the id of a service', () => {
    expect(findingText(finding('no-use-seen', { service: 'a~tcp~80', text: 'no use of a~tcp~80 was seen' }), 'nginx :80', String)).toBe('no use of nginx :80 was seen');
    expect(findingText(finding('unchecked-service', { service: 'a~tcp~80', text: 'no check is on a~tcp~80' }), 'nginx :80', String)).toBe('no check is about it');
    expect(findingText(finding('silent', { text: 'has not reported since 2026-11-27T21:29:38Z' }), '', () => 'Fri 21:29')).toBe('has not reported since Fri 21:29');
  });
});
