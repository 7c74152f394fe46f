package jobs

import (
	"errors"
	"os"
	"path/filepath"

	"nightjar/crypto"
	"nightjar/store/vault"
)

// save makes the job's state durable.
func (j *Job) save() error {
	j.q.saving.Lock()
	defer j.q.saving.Unlock()
	return j.write(j.toRecord())
}

// write puts a record into the vault. q.saving is held.
func (j *Job) write(r *record) error {
	if j.q.hidden || r == nil {
		return nil
	}
	b, err := j.m.codec.encode(r)
	if err != nil {
		return err
	}
	return j.m.cfg.Vault.Put(space, []byte(j.ID()), b)
}

// keepSaved is save where a failure costs no more than that the next process begins further back, or shows an older state. It reports
// whether there was none.
func (j *Job) keepSaved() bool {
	err := j.save()
	if err != nil && !errors.Is(err, vault.ErrClosed) {
		j.m.cfg.Log.Warn("jobs: the state of a job could not be saved")
	}
	return err == nil
}

// tidy removes the part of a get that came to nothing, if the last process ended before it had.
func (j *Job) tidy() {
	if s := j.Snapshot().State; j.Kind() == Get && s.Final() && s != Done && !j.q.hidden {
		j.target().remove()
	}
}

// strike removes the record of a job that is cancelled and could not be saved as such: a vault without room lets go of what it has, and the
// next process must not go on with what its user has ended.
func (j *Job) strike() {
	j.q.saving.Lock()
	defer j.q.saving.Unlock()
	if err := j.m.cfg.Vault.Delete(space, []byte(j.ID())); err != nil && !errors.Is(err, vault.ErrNotFound) {
		j.m.cfg.Log.Warn("jobs: the record of a job that was cancelled could not be removed; it may go on when the node starts again")
	}
}

// file is the path of one of the job's own files.
func (j *Job) file(ext string) string { return filepath.Join(j.m.cfg.Dir, string(j.ID())+ext) }

// clean removes the job's own files, and what a get that did not succeed has written.
func (j *Job) clean(failed bool) {
	os.Remove(j.file(extJournal))
	os.Remove(j.file(extSpool))
	if failed && j.Kind() == Get && !j.q.hidden {
		j.target().remove()
	}
}

// erase removes the job from the disk; nothing of it is saved from then on. The error is the vault's.
func (j *Job) erase() error {
	j.q.saving.Lock()
	defer j.q.saving.Unlock()
	j.q.hidden = true
	os.Remove(j.file(extJournal))
	os.Remove(j.file(extSpool))
	if err := j.m.cfg.Vault.Delete(space, []byte(j.ID())); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return nil
}

// The extensions of a job's own files.
const (
	extJournal = ".done"
	extSpool   = ".spool"
)

// key encrypts the job's own files.
func (j *Job) key() *crypto.Key { return (*crypto.Key)(&j.q.secret.Key) }
