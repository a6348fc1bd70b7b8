package role

import (
	"slices"
	"strings"

	"github.com/devops-trouble-map/dotm/grouping/census"
)

const (
	// common is the share of hosts from which a process may be one that runs
	// everywhere.
	common = 0.5
	// everywhere is the share of roles that have it, then.
	everywhere = 0.75
	// fewRoles is how many roles there must be for that to mean anything.
	fewRoles = 3
)

// markAgents finds the processes that run on hosts whatever these are there for.
// They are known by name, or on most hosts: beside many different things, and
// seldom alone. What most hosts are there for is beside nothing else.
func (s *site) markAgents() {
	for w, name := range s.Words {
		if isAgent(name) {
			s.agents[int32(w)] = true
		}
	}
	hosts, processes := s.processes()
	holders := map[int32]int{}
	for _, list := range processes {
		for _, w := range list {
			holders[w]++
		}
	}
	var candidates []int32
	for w, n := range holders {
		if w != 0 && !s.agents[w] && n >= fewRoles && float64(n) >= common*float64(hosts) {
			candidates = append(candidates, w)
		}
	}
	slices.SortFunc(candidates, func(a, b int32) int {
		if holders[a] != holders[b] {
			return holders[b] - holders[a]
		}
		return strings.Compare(s.Words[a], s.Words[b])
	})
	for i := 0; i < len(candidates); { // those on as many hosts are judged together
		end := i + 1
		for end < len(candidates) && holders[candidates[end]] == holders[candidates[i]] {
			end++
		}
		tied := candidates[i:end]
		found := slices.DeleteFunc(slices.Clone(tied), func(w int32) bool { return !ubiquitous(w, tied, processes, s.agents) })
		for _, w := range found {
			s.agents[w] = true
		}
		i = end
	}
}

// processes lists the words of what each node that reports runs, sorted, and
// counts those nodes.
func (s *site) processes() (hosts int, out [][]int32) {
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if !n.Reports || n.Kind == census.Outside {
			continue
		}
		hosts++
		list := slices.Clone(n.Clients)
		for _, v := range n.Services {
			list = append(list, v.Word)
		}
		slices.Sort(list)
		out = append(out, slices.Compact(list))
	}
	return hosts, out
}

// ubiquitous says whether the hosts that have a process are of most roles. A
// role is what a host runs beside agents and those under judgement.
func ubiquitous(w int32, tied []int32, processes [][]int32, agents map[int32]bool) bool {
	roles, having := map[string]bool{}, map[string]bool{}
	alone, holders := 0, 0
	var buf []byte
	for _, list := range processes {
		buf = buf[:0]
		has := false
		for _, p := range list {
			has = has || p == w
			if p != 0 && !agents[p] && !slices.Contains(tied, p) {
				buf = append(buf, byte(p), byte(p>>8), byte(p>>16), byte(p>>24))
			}
		}
		if has {
			holders++
		}
		if len(buf) == 0 {
			if has {
				alone++
			}
			continue
		}
		roles[string(buf)] = true
		if has {
			having[string(buf)] = true
		}
	}
	return len(having) >= fewRoles && float64(len(having)) >= everywhere*float64(len(roles)) && 2*alone <= holders
}

// isAgent says whether a process is known by name to run beside others.
func isAgent(process string) bool {
	return agentNames[process] || strings.Contains(process, "_export") || strings.HasPrefix(process, "systemd")
}

// agentNames are as the kernel has them: cut at 15 bytes.
var agentNames = set(`sshd dotm chronyd ntpd ntpsec timesyncd rsyslogd syslog-ng snmpd nrpe zabbix_agentd zabbix_agent2
	telegraf filebeat metricbeat packetbeat auditbeat fluent-bit fluentd td-agent vector promtail alloy otelcol-agent
	puppet puppet-agent salt-minion chef-client cfagent cf-serverd collectd netdata cadvisor kubelet kube-proxy dockerd
	containerd docker-proxy rpcbind rpc.statd cupsd avahi-daemon dhclient dhcpcd NetworkManager check_mk_agent
	cmk-agent-ctl munin-node auditd osqueryd wazuh-agentd ossec-agentd sssd sssd_be nslcd nscd unattended-upgr
	datadog-agent trace-agent process-agent newrelic-infra ds_agent bareos-fd bacula-fd qemu-ga vmtoolsd nagios-nrpe
	ansible-pull apt-get yum dnf packagekitd crond cron anacron atd tailscaled consul-agent`)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}
