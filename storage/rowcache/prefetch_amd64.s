#include "textflag.h"

// func prefetchBucket(slots *uint64)
TEXT ·prefetchBucket(SB), NOSPLIT, $0-8
	MOVQ       slots+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func prefetchEntry(at *byte, lines uint64)
TEXT ·prefetchEntry(SB), NOSPLIT, $0-16
	MOVQ at+0(FP), AX
	MOVQ lines+8(FP), CX

next:
	PREFETCHT0 (AX)
	ADDQ       $64, AX
	DECQ       CX
	JNZ        next
	RET
