package ssenet

import (
	"sync"
	"time"
)

// deadline is a point in time that waiting calls can select on. It may be moved
// while they wait.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	passed chan struct{} // closed when the time has come
}

func (d *deadline) init() { d.passed = make(chan struct{}) }

// set moves the deadline; the zero Time is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.passed // the timer's function runs, or has run
	}
	d.timer = nil
	over := d.over()
	wait := time.Until(t)
	switch {
	case !t.IsZero() && wait <= 0:
		if !over {
			close(d.passed)
		}
		return
	case over:
		d.passed = make(chan struct{})
	}
	if !t.IsZero() {
		passed := d.passed
		d.timer = time.AfterFunc(wait, func() { close(passed) })
	}
}

func (d *deadline) over() bool {
	select {
	case <-d.passed:
		return true
	default:
		return false
	}
}

// wait returns the channel that is closed at the deadline as it is set now.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed
}

// stop releases the timer.
func (d *deadline) stop() { d.set(time.Time{}) }
