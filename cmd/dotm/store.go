package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/auth/pki"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/server"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/store/redis"
)

// storeFlags say where a server keeps what it knows.
type storeFlags struct {
	Redis             string `help:"Store of one or more servers, instead of the embedded one: redis://HOST:PORT/DB, rediss:// with TLS, redis+sentinel://HOST:PORT,…/MASTER, redis+cluster://HOST:PORT,…" placeholder:"URL" env:"DOTM_REDIS"`
	RedisPasswordFile string `help:"File that holds the password of --redis." placeholder:"FILE" type:"path" env:"DOTM_REDIS_PASSWORD_FILE"`
	RedisCAFile       string `name:"redis-ca-file" help:"Certificates (PEM) to trust for rediss://, instead of the system's." placeholder:"FILE" type:"path" env:"DOTM_REDIS_CA_FILE"`
	RedisCompat       string `help:"Keys of the original that are kept in redis beside dotm's own: keys, full (with copies for its history) or off. Default: keys." placeholder:"keys|full|off" enum:",keys,full,off" default:"" env:"DOTM_REDIS_COMPAT"`
}

// caKind is the kind of the document by which servers of one store share their
// CA.
const caKind = "ca"

// keepsWhat is a store, and what several servers share of it.
type keepsWhat struct {
	store.Store
	shared server.Shared // nil for the embedded one
	name   string        // of this server among those of the store
}

// openStore opens the store that flags and configuration name.
func openStore(ctx context.Context, f storeFlags, cfg *config.Config, dir string, log *slog.Logger) (keepsWhat, error) {
	url := cmp.Or(f.Redis, cfg.Redis)
	if url == "" {
		s, err := bolt.Open(dir)
		return keepsWhat{Store: s}, err
	}
	opt, err := redisOptions(cmp.Or(f.RedisPasswordFile, cfg.RedisPasswordFile), cmp.Or(f.RedisCAFile, cfg.RedisCAFile))
	if err != nil {
		return keepsWhat{}, err
	}
	opt.Compat, opt.Fixed, opt.Log = redis.Compat(cmp.Or(f.RedisCompat, cfg.RedisCompat)), cfg.Settings, log
	s, err := redis.Open(ctx, url, opt)
	if err != nil {
		return keepsWhat{}, err
	}
	k := keepsWhat{s, s, cmp.Or(thisNode(), "dotm") + "-" + strings.ToLower(rand.Text()[:8])}
	if err := k.shareCA(ctx, filepath.Join(dir, "tls")); err != nil {
		_ = s.Close()
		return keepsWhat{}, err
	}
	return k, nil
}

// redisOptions read the password, from a file or the environment.
func redisOptions(passwordFile, caFile string) (redis.Options, error) {
	opt := redis.Options{CAFile: caFile, Password: os.Getenv("DOTM_REDIS_PASSWORD")}
	if passwordFile == "" {
		return opt, nil
	}
	raw, err := os.ReadFile(passwordFile)
	if err != nil {
		return opt, fmt.Errorf("reading the password of redis: %w", err)
	}
	opt.Password = strings.TrimSpace(string(raw))
	return opt, nil
}

// caWait is how long a server waits for another one that makes their CA.
const caWait = 20 * time.Second

// shareCA gives this server the CA of the others, or makes theirs. Which of
// several that start at once makes it, a lease decides.
func (k *keepsWhat) shareCA(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, caWait)
	defer cancel()
	for {
		lease, err := k.shared.Lease(ctx, caKind, k.name, caWait)
		if err != nil {
			return fmt.Errorf("sharing the CA: %w", err)
		}
		if lease.Holder == k.name {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("sharing the CA: another server that starts takes too long: try again")
		}
	}
	err := k.syncCA(ctx, dir)
	return errors.Join(err, k.shared.Release(ctx, caKind, k.name))
}

func (k *keepsWhat) syncCA(ctx context.Context, dir string) error {
	state, err := k.Load(ctx)
	if err != nil {
		return fmt.Errorf("sharing the CA: %w", err)
	}
	var theirs []byte
	for _, d := range state.Documents {
		if d.Kind == caKind {
			theirs = d.Value
		}
	}
	ours, err := pki.ReadCA(dir)
	switch {
	case err != nil:
		return err
	case ours == nil && theirs != nil:
		return pki.WriteCA(dir, theirs)
	case theirs != nil && !bytes.Equal(ours, theirs):
		return fmt.Errorf("%s holds another CA than the servers of this redis: agents of the one would not know the other: move it away, or choose another folder with --data", dir)
	case theirs != nil:
		return nil
	case ours == nil:
		if _, err := pki.Open(dir, func() []string { return serverNames(nil) }, time.Now); err != nil {
			return err
		}
		if ours, err = pki.ReadCA(dir); err != nil {
			return err
		}
	}
	return k.Write(ctx, store.Change{Keep: []store.Document{{Kind: caKind, Key: "own", Value: ours}}})
}

// reload has logins and agents follow what other servers decide.
func (s *site) reload(ctx context.Context) error {
	for {
		changed := s.server.Decided()
		var err error
		if s.agents != nil {
			err = s.agents.Reload()
		}
		if s.logins != nil {
			err = errors.Join(err, s.logins.Reload())
		}
		if err != nil {
			s.log.Error("taking in what another server decided failed", "error", err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// sharing completes the options of a server that shares its store.
func (k *keepsWhat) sharing(opt server.Options) server.Options {
	opt.Store, opt.Shared, opt.Name = k.Store, k.shared, k.name
	return opt
}

// member says what the server is to others of its store.
func (s *site) member() *api.Member {
	m := s.server.Member()
	if m == nil {
		return nil
	}
	return &api.Member{Name: m.Name, Role: string(m.Role), Leader: m.Leader, Trouble: m.Trouble}
}

// vitals says how the server fares.
func (s *site) vitals() api.Vitals {
	v := s.server.Vitals()
	out := api.Vitals{Queue: v.Queue, Room: v.Room, Waiting: v.Store.Waiting, Behind: v.Store.Behind}
	out.Busy, out.Longest = s.server.Pace()
	if b, ok := s.store.Store.(*bolt.Store); ok {
		out.StoreBytes = b.Size()
	}
	if r := v.Replica; r != nil {
		out.Replica = &api.ReplicaVitals{Role: string(r.Role), Lease: r.Heard, Lag: v.Lag, Waiting: r.Waiting}
	}
	return out
}
