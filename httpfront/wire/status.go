package wire

import "quiver/engine/fail"

// Status returns the HTTP status that code has by common convention. A dialect whose
// API says otherwise for some codes decides those itself and falls back to this.
func Status(code fail.Code) int {
	switch code {
	case fail.Malformed, fail.BadKeyName, fail.BadKeyValue, fail.KeyRefused, fail.NoEntries, fail.BadFeatureName,
		fail.BadFeatureType, fail.BadPassedLength, fail.BadRow:
		return 400
	case fail.NoKey, fail.BadKeyFormat, fail.BadSecret, fail.Unauthenticated:
		return 401
	case fail.Forbidden:
		return 403
	case fail.NoStore, fail.NoView, fail.NoGroup, fail.NotFound:
		return 404
	case fail.BadMethod:
		return 405
	case fail.SlowRequest:
		return 408
	case fail.Conflict:
		return 409
	case fail.TooLarge:
		return 413
	case fail.HeaderTooLarge:
		return 431
	case fail.Overloaded, fail.Timeout:
		return 503
	default:
		return 500
	}
}
