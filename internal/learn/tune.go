package learn

import "sync"

// defaults are the parameters that tune starts from.
var defaults = params{mirror: true, generic: 8, unseen: 0.1, escape: 24, caution: 800, model: 1}

// trial is a part of the rows to learn from and another to test with.
type trial struct {
	learn, test []row
	again       []row // those of learn that are tested with as well
	weight      float64
	// fitters whose groups were merged already, by what that depends on
	fitters map[[2]float64]*fitter
}

// fitter returns a fitter with parameters p.
func (x *trial) fitter(t *table, p params, fixed int) *fitter {
	k := [2]float64{p.escape, p.model}
	f := x.fitters[k]
	if f == nil {
		if len(x.fitters) >= 4 || x.fitters == nil {
			x.fitters = map[[2]float64]*fitter{}
		}
		f = newFitter(t, x.learn, p, fixed, splitRows/4)
		x.fitters[k] = f
	}
	f.m.p = p
	return f
}

// tuner finds the parameters under which Rules made from a part of the rows are
// best for another part.
type tuner struct {
	t      *table
	fixed  int
	trials []trial
	seen   map[params]float64
	least  float64
	best   params
}

// past is the weight of the packets learned from against those tested with.
const past = 0.25

// blocks is the number of stretches of packets of which every fourth is tested
// with.
const blocks = 16

// trials of two kinds count alike: the packets that follow those learned from,
// and stretches from among them. What comes is in part like what was.
func trials(rows []row) []trial {
	n := len(rows)
	cuts := [][2]int{{n / 2, n * 3 / 4}, {n * 3 / 4, n}}
	if n < tuneRows/2 {
		cuts = append(cuts, [2]int{n * 5 / 8, n * 7 / 8})
	}
	var list []trial
	for _, c := range cuts {
		list = append(list, trial{learn: rows[:c[0]], test: rows[c[0]:c[1]], weight: 1 / float64(len(cuts))})
	}
	folds := []int{1, 3}
	if n >= tuneRows/2 {
		folds = folds[:1]
	}
	for _, k := range folds {
		x := trial{weight: 1 / float64(len(folds))}
		for i := range rows {
			// In blocks, so that most packets of a flow are on the same side.
			if i*blocks/n%4 == k {
				x.test = append(x.test, rows[i])
			} else {
				x.learn = append(x.learn, rows[i])
			}
		}
		list = append(list, x)
	}
	for i := range list {
		x := &list[i]
		for j := 0; j < len(x.learn); j += 1 + len(x.learn)/2000 {
			x.again = append(x.again, x.learn[j])
		}
	}
	return list
}

// tune tries numbers of Rules up to limit, so that a higher limit is not worse,
// and for each the parameters one after the other.
func tune(t *table, rows []row, limit, fixed int) params {
	if n := len(rows); n > tuneRows {
		// Stretches of packets, evenly spread: what follows one another stays together.
		var part []row
		for i := 0; i < 2*blocks; i++ {
			at := i * n / (2 * blocks)
			part = append(part, rows[at:at+tuneRows/(2*blocks)]...)
		}
		rows = part
	}
	u := &tuner{t: t, fixed: fixed, best: defaults, seen: map[params]float64{}}
	u.best.rules, u.best.generic = limit, min(defaults.generic, (limit+2)/3)
	if len(rows) < 16 {
		return u.best
	}
	u.trials = trials(rows)
	// Powers of two, so that what is found for few Rules is tried for more.
	var limits []int
	for k := 4; k < limit+1 && k <= 64; k *= 2 {
		limits = append(limits, k-1)
	}
	limits = append(limits, limit)
	for i, k := range limits {
		if i == 0 {
			u.best.rules, u.best.generic = k, min(defaults.generic, (k+2)/3)
			u.least = u.judge(u.best)
		}
		u.descend(k)
	}
	return u.best
}

// judge returns the bits per packet under p.
func (u *tuner) judge(p params) float64 {
	if s, ok := u.seen[p]; ok {
		return s
	}
	parts := make([]float64, len(u.trials))
	var wg sync.WaitGroup
	for i := range u.trials {
		wg.Add(1)
		go func(x *trial, sum *float64) {
			defer wg.Done()
			f := x.fitter(u.t, p, u.fixed)
			z := f.fit()
			*sum = f.judge(z, x.test) / float64(len(x.test)) * x.weight
			*sum += f.judge(z, x.again) / float64(len(x.again)) * x.weight * past
		}(&u.trials[i], &parts[i])
	}
	wg.Wait()
	sum := 0.0
	for _, x := range parts {
		sum += x
	}
	u.seen[p] = sum
	return sum
}

// try changes the best parameters and keeps them if they become better.
func (u *tuner) try(limit int, change func(*params)) {
	p := u.best
	p.rules = limit
	if change(&p); p == u.best || p.generic >= limit {
		return
	}
	if s := u.judge(p); s < u.least*0.998 {
		u.best, u.least = p, s
	}
}

func (u *tuner) descend(limit int) {
	u.try(limit, func(*params) {})
	generics := func() {
		for _, g := range []int{1, 2, 4, 8, 16, 32} {
			u.try(limit, func(p *params) { p.generic = g })
			u.try(limit, func(p *params) { p.generic, p.caution = g, defaults.caution })
		}
	}
	generics()
	for _, c := range []float64{200, 3000} {
		u.try(limit, func(p *params) { p.caution = c })
	}
	for _, e := range []float64{24, 48, 96} {
		u.try(limit, func(p *params) { p.escape = e })
	}
	for _, m := range []float64{1, 2, 4} {
		u.try(limit, func(p *params) { p.model = m })
	}
	u.try(limit, func(p *params) { p.mirror = !p.mirror })
	for _, x := range []float64{0.02, 0.1, 0.3} {
		u.try(limit, func(p *params) { p.unseen = x })
	}
	generics()
}
