package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// measureTracepoint runs the loop alternately without a Scanner and with one
// that counts.
func measureTracepoint(ctx context.Context, s size) (*tracepointFigures, error) {
	// The ports of closed connections are free at once, so that every round finds
	// the same.
	if err := limitTimeWait(0); err != nil {
		return nil, err
	}
	loop, err := startChild(ctx, rolePeer)
	if err != nil {
		return nil, err
	}
	defer kill(loop)
	f := &tracepointFigures{Rounds: s.Rounds}
	if _, err := askLap(loop, s.Rounds); err != nil { // to warm up
		return nil, err
	}
	for range s.Alternations {
		plain, err := askLap(loop, s.Rounds)
		if err != nil {
			return nil, err
		}
		counted, doubt, err := countedLap(ctx, loop, s.Rounds)
		if err != nil {
			return nil, err
		}
		if doubt != "" {
			f.Problem = doubt
			return f, nil
		}
		f.Plain, f.Counted = append(f.Plain, plain), append(f.Counted, counted)
	}
	return f, nil
}

// countedLap runs the loop while a Scanner counts, and lets the Scanner go.
func countedLap(ctx context.Context, loop *child, rounds int) (lap, string, error) {
	scanner, err := startLooker(ctx, false)
	if err != nil {
		return lap{}, "", err
	}
	l, doubt, err := countWith(scanner, loop, rounds)
	return l, doubt, errors.Join(err, scanner.stop())
}

func countWith(scanner, loop *child, rounds int) (counted lap, doubt string, err error) {
	before, err := askLook(scanner, loopPort)
	if err != nil {
		return lap{}, "", err
	}
	if doubt := before.doubt(false); doubt != "" {
		return lap{}, doubt, nil
	}
	if counted, err = askLap(loop, rounds); err != nil {
		return lap{}, "", err
	}
	after, err := askLook(scanner, loopPort)
	if err == nil && after.Edges.Client != uint64(rounds) {
		err = fmt.Errorf("of %d rounds, %d were counted: what was measured is not counting", rounds, after.Edges.Client)
	}
	return counted, "", err
}

func askLap(loop *child, rounds int) (l lap, err error) {
	text, err := loop.ask("rounds", rounds)
	if err != nil {
		return lap{}, err
	}
	return l, json.Unmarshal([]byte(text), &l)
}

// loopPort is where the loop connects to.
const loopPort = 9002

// connectAndClose connects, accepts and closes both ends, so many times, in one
// thread. It answers with a lap as JSON.
func connectAndClose(rounds int) (string, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	address := &unix.SockaddrInet4{Port: loopPort, Addr: [4]byte{127, 0, 0, 1}}
	listener, err := listenOn(address)
	if err != nil {
		return "", err
	}
	defer unix.Close(listener) //nolint:errcheck // nothing to lose
	begin, cpu := time.Now(), processorTime(unix.RUSAGE_THREAD)
	for range rounds {
		if err := connectOnce(listener, address); err != nil {
			return "", err
		}
	}
	cpu, wall := processorTime(unix.RUSAGE_THREAD)-cpu, time.Since(begin)
	text, err := json.Marshal(lap{WallMicros: micros(wall, rounds), CPUMicros: micros(cpu, rounds)})
	return string(text), err
}

func micros(d time.Duration, rounds int) float64 {
	return float64(d) / float64(time.Microsecond) / float64(rounds)
}

func listenOn(address unix.Sockaddr) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.Bind(fd, address))
	if err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		return 0, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// connectOnce: the client closes first, the server when it has read the end.
func connectOnce(listener int, address unix.Sockaddr) error {
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(client, address); err != nil {
		return errors.Join(err, unix.Close(client))
	}
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	if err := errors.Join(err, unix.Close(client)); err != nil {
		return err
	}
	_, err = unix.Read(server, make([]byte, 1))
	return errors.Join(err, unix.Close(server))
}
