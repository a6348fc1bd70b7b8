package nagios

import (
	"context"
	"time"

	"github.com/devops-trouble-map/dotm/monitor"
)

// objects reads the configuration from objectjson.cgi.
func (w *web) objects(ctx context.Context) (*config, error) {
	o := &objectReader{conf: newConfig(), seen: map[monitor.Dependency]bool{}, link: w.link}
	for _, q := range []struct {
		query string
		must  bool
	}{
		{"hostlist&details=true", true},
		{"servicelist&details=true", true},
		{"hostgrouplist&details=true", false},
		{"servicegrouplist&details=true", false},
		{"hostdependencylist", false},
		{"servicedependencylist", false},
	} {
		_, err := w.query(ctx, w.cgi, "objectjson.cgi?query="+q.query, o.list)
		if err != nil && (q.must || monitor.ReasonOf(err) != monitor.NotIt) {
			return nil, err // a version without dependencies is none
		}
	}
	return o.conf, nil
}

// objectReader puts the answers of objectjson.cgi into a configuration.
type objectReader struct {
	conf *config
	seen map[monitor.Dependency]bool
	link func(key) string
	n    int
}

// list reads one list of an answer.
func (o *objectReader) list(j *monitor.JSON, name string) (bool, error) {
	switch name {
	case "hostlist":
		return true, j.Object(func(string) error { return o.host(j) })
	case "servicelist":
		return true, j.Object(func(string) error { return j.Object(func(string) error { return o.service(j) }) })
	case "hostgrouplist":
		return true, j.Object(func(string) error { return o.hostGroup(j) })
	case "servicegrouplist":
		return true, j.Object(func(string) error { return o.serviceGroup(j) })
	case "hostdependencylist", "servicedependencylist":
		return true, j.Array(func() error { return o.dependency(j) })
	}
	return false, nil
}

// basics is what objectjson says of hosts and services alike.
type basics struct {
	CheckCommand string            `json:"check_command"`
	Interval     float64           `json:"check_interval"`
	CheckFresh   bool              `json:"check_freshness"`
	FreshSeconds int64             `json:"freshness_threshold"`
	Custom       map[string]string `json:"custom_variables"`
}

// fill takes what is common.
func (b *basics) fill(o *object) {
	o.interval = b.Interval
	if b.CheckFresh && b.FreshSeconds > 0 {
		o.fresh = time.Duration(b.FreshSeconds) * time.Second
	}
}

// room bounds what is kept, as a reading does.
func (o *objectReader) room() error {
	o.n++
	return room(o.n)
}

func room(objects int) error {
	if objects > monitor.MaxChecks+monitor.MaxHosts {
		return &monitor.Error{Reason: monitor.TooLarge, Text: "it has more than 600,000 objects", Hint: "let the login see fewer of them, or split them among several sources"}
	}
	return nil
}

func (o *objectReader) host(j *monitor.JSON) error {
	var h struct {
		basics
		Name     string   `json:"name"`
		Display  string   `json:"display_name"`
		Alias    string   `json:"alias"`
		Address  string   `json:"address"`
		Parents  []string `json:"parent_hosts"`
		NotesURL string   `json:"notes_url"`
	}
	if err := j.Decode(&h); err != nil || h.Name == "" {
		return err
	}
	obj := o.conf.setHost(&host{name: h.Name, alias: h.Alias, display: h.Display, address: h.Address, notesURL: h.NotesURL, parents: h.Parents, custom: h.Custom})
	obj.link = o.link(key{host: h.Name})
	h.fill(obj)
	return o.room()
}

func (o *objectReader) service(j *monitor.JSON) error {
	var s struct {
		basics
		Host        string `json:"host_name"`
		Description string `json:"description"`
		Parents     []struct {
			Host        string `json:"host_name"`
			Description string `json:"service_description"`
		} `json:"parents"`
	}
	if err := j.Decode(&s); err != nil || s.Host == "" || s.Description == "" {
		return err
	}
	k := key{clean(s.Host), clean(s.Description)}
	obj := o.conf.get(k)
	obj.hints = append(monitor.CommandHints(s.CheckCommand), customHints(s.Custom)...)
	obj.link = o.link(key{s.Host, s.Description})
	s.fill(obj)
	for _, p := range s.Parents {
		o.conf.depend(k, key{p.Host, p.Description}, o.seen)
	}
	return o.room()
}

// group reads a group, whose members may be very many.
func (o *objectReader) group(j *monitor.JSON, member func() (key, error)) error {
	var (
		name    string
		members []key
	)
	err := j.Object(func(field string) error {
		switch field {
		case "group_name":
			return j.Decode(&name)
		case "members":
			return j.Array(func() error {
				k, err := member()
				if err != nil {
					return err
				}
				members = append(members, k)
				return room(len(members))
			})
		}
		return j.Skip()
	})
	for _, k := range members {
		o.conf.join(k, name)
	}
	return err
}

func (o *objectReader) hostGroup(j *monitor.JSON) error {
	return o.group(j, func() (key, error) {
		var host string
		err := j.Decode(&host)
		return key{host: clean(host)}, err
	})
}

func (o *objectReader) serviceGroup(j *monitor.JSON) error {
	return o.group(j, func() (key, error) {
		var m struct {
			Host        string `json:"host_name"`
			Description string `json:"service_description"`
		}
		err := j.Decode(&m)
		return key{clean(m.Host), clean(m.Description)}, err
	})
}

func (o *objectReader) dependency(j *monitor.JSON) error {
	var d struct {
		Host                 string `json:"host_name"`
		Description          string `json:"service_description"`
		DependentHost        string `json:"dependent_host_name"`
		DependentDescription string `json:"dependent_service_description"`
	}
	if err := j.Decode(&d); err != nil {
		return err
	}
	o.conf.depend(key{d.DependentHost, d.DependentDescription}, key{d.Host, d.Description}, o.seen)
	return nil
}
