// Package redis is the store for those who outgrow one machine: Redis or Valkey,
// by itself, with Sentinel, or as a Cluster. Several servers may share one; it
// then also leases who leads, and carries what they tell each other.
//
// No command touches two keys, but for those of a lease, which share a slot. What
// Write does is one transaction, but on a Cluster, which has none over slots:
// there the revision is written last, and a write that ended halfway is completed
// by the next, as whole blocks replace each other.
package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/devops-trouble-map/dotm/history"
	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/topology"
)

// format is the version of what is kept under [prefix]. What one of before wrote is
// read: format 1 has nodes as JSON until they are written again.
const format = 2

// prefix begins every key that the original did not have.
const prefix = "dotm::v2::"

// keyFormat holds the format.
const keyFormat = prefix + "format"

// The times that calls may take. A write is tried again by the caller.
const (
	dialTimeout  = 3 * time.Second
	replyTimeout = 5 * time.Second
	tripTimeout  = 8 * time.Second // of all tries of one round trip
	openTimeout  = 10 * time.Second
	waitForCopy  = time.Second // until a replica has what was written
	slotsEvery   = time.Second // how often it is asked who serves what in a Cluster
)

// Options of a store; all may be left out.
type Options struct {
	// Password replaces that of the URL.
	Password string
	// CAFile are the certificates to trust for rediss, in PEM; the system's
	// without it.
	CAFile string
	// Compat is how much of the original's keys is kept; CompatKeys without it.
	Compat Compat
	// Fixed are settings that the configuration file fixes, for these keys.
	Fixed store.Patch
	// Log is told what no caller is: that Redis lost something, or that these keys
	// can't be written. It may be nil.
	Log *slog.Logger
}

// Store is an open Redis.
type Store struct {
	client redis.UniversalClient
	where  string // without secrets
	atomic bool   // writes are transactions
	copies copies

	writing sync.Mutex         // one write at a time
	blocks  history.BlockCoder // of that
	seeds   *seedWriter
	written topology.Revision // the last that was acknowledged
	lapses  atomic.Uint64
	log     *slog.Logger
	trimmed string // the last node whose records were cut
	closed  sync.Once
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Leaser = (*Store)(nil)
	_ store.Bus    = (*Store)(nil)
)

// Open connects to the Redis of a URL:
//
//	redis://[USER:PASSWORD@]HOST[:PORT][/DB]     rediss:// for TLS
//	unix:///PATH[?db=DB]
//	redis+sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]/MASTER[?db=DB]
//	redis+cluster://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]   rediss+cluster:// for TLS
//
// A Cluster is recognised without its own scheme, too. Its errors say what to do,
// and never a password.
func Open(ctx context.Context, rawURL string, opt Options) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, o, err := dial(rawURL, opt)
	if err != nil {
		return nil, err
	}
	err = s.meet(ctx, o)
	if err == nil {
		err = s.claim(ctx)
	}
	if err != nil {
		_ = s.client.Close()
		return nil, err
	}
	return s, nil
}

// dial prepares all but the connection.
func dial(rawURL string, opt Options) (*Store, *redis.UniversalOptions, error) {
	o, where, err := parse(rawURL, opt)
	if err != nil {
		return nil, nil, err
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{where: where, atomic: !o.IsClusterMode, seeds: newSeedWriter(&opt), log: opt.Log}
	quiet()
	s.client = connect(o)
	return s, o, nil
}

// quiet keeps the library from writing to standard error: what goes wrong comes
// back as an error.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

// Printf does nothing.
func (silent) Printf(context.Context, string, ...any) {}

// parse reads a URL into options; where is what may be shown of it.
func parse(rawURL string, opt Options) (o *redis.UniversalOptions, where string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, "", errors.New("redis must be a URL like redis://host:6379, and is not one") // the cause would tell the password
	}
	where = u.Redacted()
	o = &redis.UniversalOptions{
		DialTimeout: dialTimeout, ReadTimeout: replyTimeout, WriteTimeout: replyTimeout, PoolTimeout: replyTimeout,
		MaxRetries: 1, ContextTimeoutEnabled: true, ClientName: "dotm",
	}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	if opt.Password != "" {
		o.Password = opt.Password
	}
	path := strings.Trim(u.Path, "/")
	db := u.Query().Get("db")
	switch u.Scheme {
	case "redis", "rediss":
		db = path
		o.Addrs = addresses(u.Host)
	case "unix":
		o.Addrs = []string{u.Path}
	case "redis+sentinel", "rediss+sentinel":
		if o.MasterName = path; path == "" {
			return nil, where, wrongURL(where, "must name the master: redis+sentinel://host:26379/mymaster")
		}
		o.Addrs = addresses(u.Host)
	case "redis+cluster", "rediss+cluster":
		o.Addrs, o.IsClusterMode = addresses(u.Host), true
	default:
		return nil, where, wrongURL(where, "must begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://")
	}
	if len(o.Addrs) == 0 || o.Addrs[0] == "" {
		return nil, where, wrongURL(where, "must have a host")
	}
	if db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, where, wrongURL(where, "must have a number as its database, has "+strconv.Quote(db))
		}
	}
	if strings.HasPrefix(u.Scheme, "rediss") {
		o.TLSConfig, err = tlsOf(opt.CAFile)
	}
	return o, where, err
}

func wrongURL(where, rule string) error { return fmt.Errorf("redis %s: is %s", rule, where) }

func addresses(hosts string) (out []string) {
	for h := range strings.SplitSeq(hosts, ",") {
		if h == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(h); err != nil {
			h = net.JoinHostPort(strings.Trim(h, "[]"), "6379")
		}
		out = append(out, h)
	}
	return out
}

// tlsOf demands of each server the name or address that it is called by.
func tlsOf(caFile string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates to trust for redis: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM", caFile)
	}
	return cfg, nil
}

// meet finds out whom we talk to.
func (s *Store) meet(ctx context.Context, o *redis.UniversalOptions) error {
	err := s.client.Ping(ctx).Err()
	if hinted := s.hint(err); hinted != err { //nolint:errorlint // the very same
		return fmt.Errorf("connecting to %s: %w", s.where, hinted)
	}
	if err != nil {
		return fmt.Errorf("connecting to %s: %w (is it running, and may this host reach it?)", s.where, err)
	}
	if o.MasterName == "" && !o.IsClusterMode {
		info, err := s.client.Info(ctx, "cluster").Result()
		if err == nil && strings.Contains(info, "cluster_enabled:1") {
			_ = s.client.Close()
			o.IsClusterMode, s.atomic = true, false
			s.client = connect(o)
		}
	}
	return nil
}

// claim makes an empty database ours, and refuses one that is not: an original
// installation's would be overwritten.
func (s *Store) claim(ctx context.Context) error {
	v, err := s.client.Get(ctx, keyFormat).Result()
	if errors.Is(err, redis.Nil) {
		foreign, err := s.client.Exists(ctx, seedNodes).Result()
		switch {
		case err != nil:
			return fmt.Errorf("opening %s: %w", s.where, s.hint(err))
		case foreign > 0:
			return fmt.Errorf("%s: %w: it holds the keys of an original DevOps Trouble Map: take over its nodes and settings with dotm import redis, and give dotm another database (redis://HOST/1), or drop its keys dotm::* first", s.where, store.ErrForeign)
		}
		if err := s.client.SetNX(ctx, keyFormat, format, 0).Err(); err != nil {
			return fmt.Errorf("opening %s: %w", s.where, s.hint(err))
		}
		v, err = s.client.Get(ctx, keyFormat).Result() // another server may have been first
		if err != nil {
			return fmt.Errorf("opening %s: %w", s.where, s.hint(err))
		}
	}
	n, bad := strconv.Atoi(v)
	switch {
	case err != nil && !errors.Is(err, redis.Nil):
		return fmt.Errorf("opening %s: %w", s.where, s.hint(err))
	case v == restoring:
		return fmt.Errorf("%s: %w: restoring it was not finished: delete the keys dotm::*, start again, and restore once more", s.where, store.ErrDamaged)
	case bad != nil:
		return fmt.Errorf("%s: %w: key %s is %.20q: delete it if nothing else uses this database", s.where, store.ErrDamaged, keyFormat, v)
	case n > format:
		return fmt.Errorf("%s: %w: format %d, this one reads %d: update dotm", s.where, store.ErrNewer, n, format)
	case n < format:
		if err := s.client.Set(ctx, keyFormat, format, 0).Err(); err != nil {
			return fmt.Errorf("opening %s: %w", s.where, s.hint(err))
		}
	}
	return nil
}

// connect makes the client of what the options name.
func connect(o *redis.UniversalOptions) redis.UniversalClient {
	if !o.IsClusterMode {
		c := redis.NewUniversalClient(o)
		c.AddHook(patient{})
		return c
	}
	opt := o.Cluster()
	opt.ClusterStateReloadInterval = slotsEvery
	c := redis.NewClusterClient(opt)
	c.AddHook(patient{})
	return c
}

// hint adds to an error of Redis what can be done about it.
func (s *Store) hint(err error) error {
	var text string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.ErrClosed):
		return store.ErrClosed
	case strings.HasPrefix(err.Error(), "OOM"):
		text = "it is full: raise maxmemory, or lower retention and retention_bytes"
	case strings.HasPrefix(err.Error(), "READONLY"):
		text = "it is a read-only replica: name the master, or the sentinels"
	case strings.HasPrefix(err.Error(), "NOAUTH"), strings.HasPrefix(err.Error(), "WRONGPASS"):
		text = "check user and password"
	case strings.HasPrefix(err.Error(), "NOPERM"):
		text = "its user lacks a right: docs/redis.md lists them"
	case strings.HasPrefix(err.Error(), "MISCONF"):
		text = "it can't save to its disk"
	default:
		return err
	}
	return fmt.Errorf("%w (%s)", err, text)
}

// failed wraps an error of a call.
func (s *Store) failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", doing, s.where, s.hint(err))
}

// Close ends all use.
func (s *Store) Close() error {
	var err error
	s.closed.Do(func() {
		err = s.client.Close()
	})
	if err != nil {
		return fmt.Errorf("closing %s: %w", s.where, err)
	}
	return nil
}

// batch collects commands for one round trip.
func (s *Store) batch() redis.Pipeliner {
	if s.atomic {
		return s.client.TxPipeline()
	}
	return s.client.Pipeline()
}

// exec sends a batch; the first error of its commands counts, but that there is
// nothing is none.
func exec(ctx context.Context, p redis.Pipeliner) error {
	if p.Len() == 0 {
		return nil
	}
	cmds, err := p.Exec(ctx)
	if err != nil && !errors.Is(err, redis.Nil) && !strings.HasPrefix(err.Error(), "EXECABORT") {
		return err
	}
	for _, c := range cmds { // why a transaction was refused is the error of one of its commands
		if e := c.Err(); e != nil && !errors.Is(e, redis.Nil) && !strings.HasPrefix(e.Error(), "EXECABORT") {
			return e
		}
	}
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// patient bounds every round trip, tries and redirections included: the timeouts
// of the client are those of each single step.
type patient struct{}

var _ redis.Hook = patient{}

// DialHook leaves connecting as it is.
func (patient) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook bounds a command.
func (patient) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, cancel := context.WithTimeoutCause(ctx, tripTimeout, errSilent)
		defer cancel()
		return silence(ctx, next(ctx, cmd))
	}
}

// ProcessPipelineHook bounds a batch.
func (patient) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, cancel := context.WithTimeoutCause(ctx, tripTimeout, errSilent)
		defer cancel()
		return silence(ctx, next(ctx, cmds))
	}
}

// errSilent is why a round trip ended that took too long.
var errSilent = errors.New("it does not answer in time: it hangs, or the way to it does")

// silence says so, instead of that a deadline passed which nobody set.
func silence(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}
