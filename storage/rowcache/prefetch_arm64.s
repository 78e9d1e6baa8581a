#include "textflag.h"

// func prefetchBucket(slots *uint64)
TEXT ·prefetchBucket(SB), NOSPLIT, $0-8
	MOVD slots+0(FP), R0
	PRFM (R0), PLDL1KEEP
	RET

// func prefetchEntry(at *byte, lines uint64)
TEXT ·prefetchEntry(SB), NOSPLIT, $0-16
	MOVD at+0(FP), R0
	MOVD lines+8(FP), R1

next:
	PRFM (R0), PLDL1KEEP
	ADD  $64, R0
	SUBS $1, R1
	BNE  next
	RET
