package replicas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/redis"
)

// submit hands the result of a check to a replica.
func submit(t *testing.T, r *replica, host, name, status string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"checks": []map[string]any{{"host": host, "name": name, "status": status}}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Post(r.url+"/api/v1/checks", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%s answers %s", r.url, resp.Status)
	}
}

// says is what a replica shows of a node, and lists of its checks.
func (r *replica) says(node string) string {
	var chart struct {
		Nodes []struct{ Name, Status string }
	}
	var list struct {
		Checks []struct{ Name, Status, Service string }
	}
	if err := r.get("/api/v1/topology?hide=none", &chart); err != nil {
		return err.Error()
	}
	if err := r.get("/api/v1/checks?node="+node, &list); err != nil {
		return err.Error()
	}
	for _, n := range chart.Nodes {
		if n.Name == node {
			return fmt.Sprint(n.Status, list.Checks)
		}
	}
	return "no node"
}

// TestChecksOfReplicas: a result that any replica is handed is on the chart of all,
// and stays there when the one that led is killed.
func TestChecksOfReplicas(t *testing.T) {
	server := redis.Start(t)
	a := start(t, server.URL())
	daemon.WaitFor(t, "the first to lead", func() bool { return a.role(t) == "leading" })
	b := start(t, server.URL())
	daemon.WaitFor(t, "the second to follow", func() bool { return b.role(t) == "following" })
	for _, x := range agents(1) {
		if err := x.send(t.Context(), x.report(), []*replica{a}); err != nil {
			t.Fatal(err)
		}
	}
	daemon.WaitFor(t, "the node on both", func() bool { return a.says("web00") == "NONE[]" && b.says("web00") == "NONE[]" })

	submit(t, b, "web00", "nginx", "CRITICAL")
	critical := "CRITICAL[{nginx CRITICAL web00~tcp~80}]"
	daemon.WaitFor(t, "the result on both", func() bool { return a.says("web00") == critical && b.says("web00") == critical })

	a.kill()
	daemon.WaitFor(t, "the second to lead", func() bool { return b.role(t) == "leading" })
	daemon.WaitFor(t, "the result to be there still", func() bool { return b.says("web00") == critical })
	submit(t, b, "web00", "nginx", "OK")
	daemon.WaitFor(t, "its end", func() bool { return b.says("web00") == "OK[{nginx OK web00~tcp~80}]" })
}
