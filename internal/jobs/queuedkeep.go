package jobs

import (
	"context"
	"errors"
)

func (j *Job) attemptKeep(ctx context.Context) error { return errors.ErrUnsupported }
