package jobs

import "time"

// damagedJob stands for a job of which nothing but the ID is known.
func (m *Manager) damagedJob(id ID) *Job {
	j := m.newJob("", 0)
	j.q = &queued{hidden: true}
	j.snap.ID, j.snap.State, j.snap.Err = id, Failed, ErrDamaged
	j.snap.Queued = true
	j.snap.Created, j.snap.Ended = time.Time{}, time.Now()
	close(j.ended)
	j.listedAsFinished = true
	return j
}

// unreadable reports whether the job stands for a record that cannot be read: it stays until its user removes it, since it may be repaired
// or belong to a later program.
func (j *Job) unreadable() bool { return j.Kind() == "" }
