package report

import "testing"

func TestContainer(t *testing.T) {
	r := &Report{Containers: []Container{{Name: "web"}, {Name: "db"}}}
	for index, want := range map[int]string{0: "", 1: "web", 2: "db"} {
		if got := r.Container(index).Name; got != want {
			t.Errorf("%d refers to %q, want %q", index, got, want)
		}
	}
}
