package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// alertNames are the rules whose alerts fire.
var alertNames = []string{"HostHighCpuLoad", "HostOutOfMemory", "HostDiskWillFill", "JobMissing", "TargetDown", "HighLatency"}

// alertStatus is what an Alertmanager says of itself.
func (m *monitoring) alertStatus(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"cluster":{"status":"ready"},"uptime":%q,"versionInfo":{"version":"0.28.1"}}`, m.begun.Add(-time.Hour).UTC().Format(time.RFC3339))
}

// alertList is GET /api/v2/alerts.
func (m *monitoring) alertList(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	now := time.Now().UTC()
	m.mu.Lock()
	buf := []byte(`[{"annotations":{"summary":"always fires"},"fingerprint":"0","status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},"labels":{"alertname":"Watchdog","severity":"none"}`)
	buf = times(buf, m.begun.UTC(), now)
	for i := range m.alerts {
		a := &m.alerts[i]
		buf = append(append(append(buf, `,{"annotations":{"summary":"`...), a.name...), " on "...)
		buf = append(append(buf, a.host...), `"},"fingerprint":"`...)
		buf = strconv.AppendInt(buf, int64(i+1), 16)
		buf = append(append(buf, `","receivers":[{"name":"dotm"}],"status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},"generatorURL":"http://prometheus.example/graph","labels":{"alertname":"`...), a.name...)
		buf = append(append(buf, `","severity":"warning","job":"node","instance":"`...), a.host...)
		buf = append(buf, `:9100"}`...)
		buf = times(buf, a.since.UTC(), now)
	}
	m.mu.Unlock()
	_, _ = w.Write(append(buf, ']'))
}

func times(to []byte, since, now time.Time) []byte {
	to = since.AppendFormat(append(to, `,"startsAt":"`...), time.RFC3339)
	to = now.AppendFormat(append(to, `","updatedAt":"`...), time.RFC3339)
	return append(now.Add(4*time.Minute).AppendFormat(append(to, `","endsAt":"`...), time.RFC3339), `"}`...)
}
