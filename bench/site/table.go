package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
)

// goals are what a site of 10,000 nodes may cost.
var goals = map[string]string{
	"server_cpu_cores": "≤ 1", "server_rss_bytes": "≤ 1.5 GiB", "report_p99_ms": "≤ 100", "writer_stall_max_ms": "≤ 50",
	"stream_delay_p95_ms": "≤ 1000", "cold_complete_s": "≤ 60",
}

// table prints measurements beside each other, and how much more the last one is than the
// first.
func table(out io.Writer, list []*figures) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	kind := reflect.TypeFor[figures]()
	for i := range kind.NumField() {
		name, rest, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if rest != "" && reflect.ValueOf(*list[0]).Field(i).IsZero() {
			continue
		}
		fmt.Fprint(w, name)
		for _, f := range list {
			fmt.Fprintf(w, "\t%s", shown(name, reflect.ValueOf(*f).Field(i).Interface()))
		}
		if len(list) > 1 {
			fmt.Fprintf(w, "\t%s", times2(reflect.ValueOf(*list[0]).Field(i), reflect.ValueOf(*list[len(list)-1]).Field(i)))
		}
		fmt.Fprintf(w, "\t%s\n", goals[name])
	}
	return w.Flush()
}

// shown is a figure for people.
func shown(name string, v any) string {
	if n, ok := v.(int64); ok && strings.HasSuffix(name, "_bytes") {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// times2 is how many times the first figure the second is.
func times2(a, b reflect.Value) string {
	number := func(v reflect.Value) float64 {
		switch {
		case v.CanInt():
			return float64(v.Int())
		case v.CanFloat():
			return v.Float()
		}
		return 0
	}
	if number(a) == 0 {
		return ""
	}
	return fmt.Sprintf("×%.3g", number(b)/number(a))
}
