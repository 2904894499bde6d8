package workload

import (
	"math"

	corev1 "k8s.io/api/core/v1"
)

// room is what one of nhctl's containers may have of a resource, in whole numbers.
type room struct {
	name corev1.ResourceName
	// least is for request and limit; most is for the limit, 0 being no number of times.
	least, most int64
	// ratio is how many thousandths of the request the limit may be, 0 where any number may.
	ratio int64
	// The pod as a whole: what its other containers have, its least request, and its own ratio.
	others   sums
	podLeast int64
	podRatio int64
}

type sums struct{ request, limit int64 }

// total is what containers ask for together.
func total(name corev1.ResourceName, containers []corev1.Container) (s sums) {
	for _, c := range containers {
		s.request += amount(name, c.Resources.Requests[name])
		s.limit += amount(name, c.Resources.Limits[name])
	}
	return s
}

// needed is below what nhctl's containers do not work: a first sync needs the memory that it has by default, and gets
// along with less CPU.
func needed(name corev1.ResourceName, limit int64) int64 {
	if name == corev1.ResourceCPU {
		return min(limit, 500)
	}
	return limit
}

func (l Limits) room(name corev1.ResourceName, others []corev1.Container) room {
	r := room{name: name, most: math.MaxInt64, others: total(name, others)}
	if q, ok := l.Container.Min[name]; ok {
		r.least = amount(name, q)
	}
	if q, ok := l.Container.Max[name]; ok {
		r.most = amount(name, q)
	}
	if q, ok := l.Pod.Max[name]; ok {
		r.most = min(r.most, amount(name, q)-r.others.limit)
	}
	if q, ok := l.Pod.Min[name]; ok {
		r.podLeast = amount(name, q) - r.others.request
	}
	if q, ok := l.Container.Ratio[name]; ok {
		r.ratio = q.MilliValue()
	}
	if q, ok := l.Pod.Ratio[name]; ok {
		r.podRatio = q.MilliValue()
	}
	return r
}

// fit moves request and limit into the room. One that has no room is left to the server to refuse.
func (r room) fit(request, limit int64) (int64, int64) {
	if r.most < max(r.least, 1) {
		return request, limit
	}
	limit = min(max(limit, r.least, min(r.podLeast, r.most)), r.most)
	request = min(max(request, r.least, r.podLeast), limit)
	least := max(r.least, min(needed(r.name, limit), limit))
	if over(request, limit, r.ratio) {
		limit = max(min(limit, mostLimit(request, r.ratio)), least)
		request = min(limit, max(request, r.rounded(leastRequest(limit, r.ratio), limit)))
	}
	if over(r.others.request+request, r.others.limit+limit, r.podRatio) {
		limit = max(min(limit, mostLimit(r.others.request+request, r.podRatio)-r.others.limit), least, request)
		request = min(limit,
			max(request, r.rounded(leastRequest(r.others.limit+limit, r.podRatio)-r.others.request, limit)))
	}
	return request, limit
}

// over says whether a limit is too many times its request, computed as the API server does: its rounding counts, too. A
// ratio below 1 can't be kept, and none of 0 is asked for.
func over(request, limit, ratio int64) bool {
	return ratio >= 1000 && float64(limit)/float64(request)*1000 > float64(ratio)
}

// mostLimit is the greatest limit that a request allows.
func mostLimit(request, ratio int64) int64 {
	limit := int64(float64(request) * float64(ratio) / 1000)
	for over(request, limit, ratio) {
		limit--
	}
	return limit
}

// leastRequest is the least request that allows a limit.
func leastRequest(limit, ratio int64) int64 {
	request := int64(math.Ceil(float64(limit) / float64(ratio) * 1000))
	for over(request, limit, ratio) {
		request++
	}
	return request
}

// rounded is a request that is high enough: memory in whole mebibytes, where the limit leaves room.
func (r room) rounded(up, limit int64) int64 {
	const mebibyte = 1 << 20
	if r.name != corev1.ResourceMemory {
		return up
	}
	if whole := (up + mebibyte - 1) / mebibyte * mebibyte; whole <= limit {
		return whole
	}
	return up
}
