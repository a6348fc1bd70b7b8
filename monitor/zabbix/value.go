package zabbix

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// number is a whole number, which Zabbix writes as a string; that of null is 0.
func number(v monitor.Value) (int64, error) {
	if len(v) >= 2 && v[0] == '"' {
		v = v[1 : len(v)-1]
	}
	if len(v) == 0 || string(v) == "null" {
		return 0, nil
	}
	return v.Int()
}

// ident is an ID.
func ident(v monitor.Value) (uint64, error) {
	n, err := number(v)
	if err == nil && n < 0 {
		err = fmt.Errorf("%d is no ID", n)
	}
	return uint64(max(n, 0)), err
}

// idText is an ID as Zabbix takes it.
func idText(id uint64) string { return strconv.FormatUint(id, 10) }

// idTexts are IDs as Zabbix takes them, in order.
func idTexts(ids []uint64) []string {
	slices.Sort(ids)
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		list = append(list, idText(id))
	}
	return list
}

// seconds is a time in seconds since 1970; 0 is never.
func seconds(n int64) time.Time {
	const year10000 = 253402300800
	if n <= 0 || n >= year10000 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

func clean(s string) string { return monitor.Clean(s, monitor.MaxName) }

// text is a string without what controls something, of at most limit bytes.
func text(v monitor.Value, limit int) (string, error) {
	s, err := v.Text()
	return monitor.Clean(s, limit), err
}
