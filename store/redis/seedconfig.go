package redis

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// The settings of the original that are about its monitoring.
const (
	SeedAliases = "user_node_aliases" // name in the monitoring → node
	SeedMapping = "service_mapping"   // regex of a check → regex of a process
	SeedNagios  = "nagios_instance"   // url, user, password, …; never written back
)

const day = 24 * time.Hour

// seedSettings are the original's settings by their keys, each as the commands
// that write it.
func seedSettings(s *store.Settings) map[string][][]any {
	out := map[string][][]any{}
	text := func(name, value string) { out[seedConfig+name] = [][]any{{"SET", seedConfig + name, value}} }
	list := func(name, verb string, values []string) {
		cmds := [][]any{{"DEL", seedConfig + name}}
		if len(values) > 0 {
			cmds = append(cmds, command(verb, seedConfig+name, values))
		}
		out[seedConfig+name] = cmds
	}
	text("fetch_method", "agent")
	text("service_port_whitelist", joinPorts(s.IgnoredPorts))
	text("service_name_whitelist", strings.Join(s.IgnoredNames, ","))
	networks := make([]string, 0, len(s.InternalNetworks))
	for _, n := range s.InternalNetworks {
		networks = append(networks, n.String())
	}
	list("other_internal_networks", "RPUSH", networks)
	enabled := "1"
	if s.KeyFrames == 0 {
		enabled = "0"
	}
	list("history", "HSET", []string{"enabled", enabled, "interval", seconds(s.KeyFrames), "expire", seconds(s.Retention)})
	list("aging", "HSET", []string{"Services", seconds(s.Ageing), "Connections", seconds(s.Ageing)})
	list("expire", "HSET", []string{"Services", days(s.ExpireAfter), "Connections", days(s.ExpireAfter), "Nagios Alerts", "0"})
	list("hiding", "HSET", []string{"Services", days(s.HideAfter), "Connections", days(s.HideAfter)})
	list(SeedAliases, "HSET", pairs(s.Aliases))
	list(SeedMapping, "HSET", pairs(seedMapping(s.Mapping)))
	return out
}

// command is a command with its key and values.
func command(name, key string, values []string) []any {
	cmd := make([]any, 0, len(values)+2)
	cmd = append(cmd, name, key)
	for _, v := range values {
		cmd = append(cmd, v)
	}
	return cmd
}

// seedMapping are the rules that the original can have: those that say of which process
// checks of some names are, and no more. Of several for the same names the first decides.
func seedMapping(rules []mapping.Rule) map[string]string {
	out := map[string]string{}
	for i := range rules {
		r := &rules[i]
		bare := mapping.Rule{Name: r.Name, Check: r.Check, Process: r.Process}
		if _, is := out[r.Check]; !is && *r == bare && r.Check != "" && r.Process != "" {
			out[r.Check] = r.Process
		}
	}
	return out
}

// pairs are names and values, in the order of the names.
func pairs(table map[string]string) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		out = append(out, k, table[k])
	}
	return out
}

func joinPorts(ports []uint16) string {
	out := make([]string, 0, len(ports))
	for _, p := range ports {
		out = append(out, strconv.Itoa(int(p)))
	}
	return strings.Join(out, ",")
}

func seconds(d topology.Duration) string { return strconv.Itoa(int(time.Duration(d) / time.Second)) }

// days rounds up: what is kept for hours is not kept for ever, which 0 means.
func days(d topology.Duration) string {
	return strconv.Itoa(int((time.Duration(d) + day - 1) / day))
}
