package main

import (
	"context"
	"errors"
	"fmt"
)

// Where short connections go: one port with a listener, one without.
const (
	shortHost   = "127.0.0.1"
	openPort    = 9000
	refusedPort = 9001
)

// measureShort makes short connections of one kind between two looks, and sums
// up what the reports tell of them.
func measureShort(ctx context.Context, j *job) (*shortFigures, error) {
	f := &shortFigures{Kind: j.Kind, Sight: sightOf(j.Blind), Made: j.Size.Short, Looks: 1}
	if j.Blind {
		f.Looks = 2 // what closed stands in TIME-WAIT for 60 s, and a second look may tell more
	}
	server, err := startChild(ctx, rolePeer)
	if err != nil {
		return nil, err
	}
	defer kill(server)
	client, err := startChild(ctx, rolePeer)
	if err != nil {
		return nil, err
	}
	defer kill(client)
	l, err := startLooker(ctx, j.Blind)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.measure(server, client, l, j.Blind), l.stop()); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *shortFigures) measure(server, client, looker *child, blind bool) error {
	end, port := endWaits, uint16(openPort)
	switch f.Kind {
	case kindServer:
		end = endCloses
	case kindRefused:
		port = refusedPort
	}
	if _, err := server.ask("listen", fmt.Sprintf("%s:%d", shortHost, openPort), end, shortAtOnce); err != nil {
		return err
	}
	first, err := askLook(looker, port)
	if err != nil {
		return err
	}
	if f.Problem = first.doubt(blind); f.Problem != "" {
		return nil
	}
	if _, err := client.ask("short", f.Kind, fmt.Sprintf("%s:%d", shortHost, port), f.Made); err != nil {
		return err
	}
	if f.Kind != kindRefused {
		if _, err := server.ask("closed", f.Made); err != nil {
			return err
		}
	}
	if _, f.TimeWait, err = sockstat(); err != nil {
		return err
	}
	return f.addLooks(looker, port)
}

func (f *shortFigures) addLooks(looker *child, port uint16) error {
	var sum edges
	for range f.Looks {
		l, err := askLook(looker, port)
		if err != nil {
			return err
		}
		sum.add(l.Edges)
		f.OpensBy = l.OpensBy
	}
	f.Client, f.Server, f.Unknown, f.Refused = sum.Client, sum.Server, sum.Unknown, sum.Refused
	return nil
}
