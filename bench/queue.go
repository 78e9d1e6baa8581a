package bench

// queue is a ring of connection ids with room for all of them; each is in it at most
// once while idle.
type queue struct {
	ids     []int32
	head, n int
}

func (q *queue) len() int { return q.n }

func (q *queue) push(id int) {
	if q.n == len(q.ids) {
		q.grow()
	}
	q.ids[(q.head+q.n)%len(q.ids)] = int32(id)
	q.n++
}

func (q *queue) pop() int {
	id := q.ids[q.head]
	q.head = (q.head + 1) % len(q.ids)
	q.n--
	return int(id)
}

// grow makes room: a connection that was closed while idle is in the queue until it is
// popped, and again when it is new.
func (q *queue) grow() {
	ids := make([]int32, 2*len(q.ids)+8)
	for i := range q.n {
		ids[i] = q.ids[(q.head+i)%len(q.ids)]
	}
	q.ids, q.head = ids, 0
}
