//go:build !purego

#include "textflag.h"

// The two hashes, a and b, take turns: four rounds of one, four of the other. What one waits for, the other fills.
//
// The instructions want a state as two registers with the words f, e, b, a and h, g, d, c (Intel's manual, volume 2B,
// SHA256RNDS2), and the sum of four words and constants in X0.
//
//	X0        words and constants, of which SHA256RNDS2 takes two
//	X1, X2    state of a
//	X3, X4    state of b
//	X5 - X8   the last sixteen words of a's schedule
//	X9 - X12  those of b
//	X13       what is needed for a moment
//	X15       order of bytes

// The constants of the rounds (FIPS 180-4, 4.2.2).
DATA constants<>+0(SB)/8, $0x71374491428a2f98
DATA constants<>+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA constants<>+16(SB)/8, $0x59f111f13956c25b
DATA constants<>+24(SB)/8, $0xab1c5ed5923f82a4
DATA constants<>+32(SB)/8, $0x12835b01d807aa98
DATA constants<>+40(SB)/8, $0x550c7dc3243185be
DATA constants<>+48(SB)/8, $0x80deb1fe72be5d74
DATA constants<>+56(SB)/8, $0xc19bf1749bdc06a7
DATA constants<>+64(SB)/8, $0xefbe4786e49b69c1
DATA constants<>+72(SB)/8, $0x240ca1cc0fc19dc6
DATA constants<>+80(SB)/8, $0x4a7484aa2de92c6f
DATA constants<>+88(SB)/8, $0x76f988da5cb0a9dc
DATA constants<>+96(SB)/8, $0xa831c66d983e5152
DATA constants<>+104(SB)/8, $0xbf597fc7b00327c8
DATA constants<>+112(SB)/8, $0xd5a79147c6e00bf3
DATA constants<>+120(SB)/8, $0x1429296706ca6351
DATA constants<>+128(SB)/8, $0x2e1b213827b70a85
DATA constants<>+136(SB)/8, $0x53380d134d2c6dfc
DATA constants<>+144(SB)/8, $0x766a0abb650a7354
DATA constants<>+152(SB)/8, $0x92722c8581c2c92e
DATA constants<>+160(SB)/8, $0xa81a664ba2bfe8a1
DATA constants<>+168(SB)/8, $0xc76c51a3c24b8b70
DATA constants<>+176(SB)/8, $0xd6990624d192e819
DATA constants<>+184(SB)/8, $0x106aa070f40e3585
DATA constants<>+192(SB)/8, $0x1e376c0819a4c116
DATA constants<>+200(SB)/8, $0x34b0bcb52748774c
DATA constants<>+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA constants<>+216(SB)/8, $0x682e6ff35b9cca4f
DATA constants<>+224(SB)/8, $0x78a5636f748f82ee
DATA constants<>+232(SB)/8, $0x8cc7020884c87814
DATA constants<>+240(SB)/8, $0xa4506ceb90befffa
DATA constants<>+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL constants<>(SB), RODATA|NOPTR, $256

// Words are stored with the highest byte first.
DATA order<>+0(SB)/8, $0x0405060700010203
DATA order<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL order<>(SB), RODATA|NOPTR, $16

// LOAD gets a state, in the instructions' form; feba and hgdc are its registers.
#define LOAD(at, feba, hgdc) \
	MOVOU   (at), feba;         \
	MOVOU   16(at), hgdc;       \
	PSHUFD  $0xb1, feba, feba;  \
	PSHUFD  $0x1b, hgdc, hgdc;  \
	MOVO    feba, X13;          \
	PALIGNR $8, hgdc, feba;     \
	PBLENDW $0xf0, X13, hgdc

// STORE is the reverse.
#define STORE(at, feba, hgdc) \
	PSHUFD  $0x1b, feba, feba;  \
	PSHUFD  $0xb1, hgdc, hgdc;  \
	MOVO    feba, X13;          \
	PBLENDW $0xf0, hgdc, feba;  \
	PALIGNR $8, X13, hgdc;      \
	MOVOU   feba, (at);         \
	MOVOU   hgdc, 16(at)

// WORDS gets sixteen bytes of a block as four words.
#define WORDS(at, i, w) \
	MOVOU  (16*i)(at), w; \
	PSHUFB X15, w

// ROUNDS does rounds 4*i to 4*i+3 with the words w.
#define ROUNDS(i, w, feba, hgdc) \
	MOVO        w, X0;           \
	PADDL       (16*i)(AX), X0;  \
	SHA256RNDS2 X0, feba, hgdc;  \
	PSHUFD      $0x0e, X0, X0;   \
	SHA256RNDS2 X0, hgdc, feba

// BEGIN begins the four words that come sixteen after those before w, in their place.
#define BEGIN(before, w) \
	SHA256MSG1 w, before

// END makes the words that follow w, begun in next, complete.
#define END(before, w, next) \
	MOVO       w, X13;          \
	PALIGNR    $4, before, X13; \
	PADDL      X13, next;       \
	SHA256MSG2 w, next

// FIRST, MIDDLE and LATE are four rounds, and what is to be done of the schedule with them.
#define FIRST(i, before, w, feba, hgdc) \
	ROUNDS(i, w, feba, hgdc); \
	BEGIN(before, w)

#define MIDDLE(i, before, w, next, feba, hgdc) \
	ROUNDS(i, w, feba, hgdc); \
	END(before, w, next);     \
	BEGIN(before, w)

#define LATE(i, before, w, next, feba, hgdc) \
	ROUNDS(i, w, feba, hgdc); \
	END(before, w, next)

// func blocks(a, b *[8]uint32, p, q *byte, n int)
TEXT ·blocks(SB), NOSPLIT, $64-40
	MOVQ  a+0(FP), DI
	MOVQ  b+8(FP), BX
	MOVQ  p+16(FP), SI
	MOVQ  q+24(FP), DX
	MOVQ  n+32(FP), CX
	TESTQ CX, CX
	JLE   done
	LEAQ  constants<>(SB), AX
	MOVOU order<>(SB), X15
	LOAD(DI, X1, X2)
	LOAD(BX, X3, X4)

loop:
	MOVOU X1, 0(SP)
	MOVOU X2, 16(SP)
	MOVOU X3, 32(SP)
	MOVOU X4, 48(SP)

	WORDS(SI, 0, X5)
	WORDS(SI, 1, X6)
	WORDS(SI, 2, X7)
	WORDS(SI, 3, X8)
	WORDS(DX, 0, X9)
	WORDS(DX, 1, X10)
	WORDS(DX, 2, X11)
	WORDS(DX, 3, X12)

	ROUNDS(0, X5, X1, X2)
	ROUNDS(0, X9, X3, X4)
	FIRST(1, X5, X6, X1, X2)
	FIRST(1, X9, X10, X3, X4)
	FIRST(2, X6, X7, X1, X2)
	FIRST(2, X10, X11, X3, X4)
	MIDDLE(3, X7, X8, X5, X1, X2)
	MIDDLE(3, X11, X12, X9, X3, X4)
	MIDDLE(4, X8, X5, X6, X1, X2)
	MIDDLE(4, X12, X9, X10, X3, X4)
	MIDDLE(5, X5, X6, X7, X1, X2)
	MIDDLE(5, X9, X10, X11, X3, X4)
	MIDDLE(6, X6, X7, X8, X1, X2)
	MIDDLE(6, X10, X11, X12, X3, X4)
	MIDDLE(7, X7, X8, X5, X1, X2)
	MIDDLE(7, X11, X12, X9, X3, X4)
	MIDDLE(8, X8, X5, X6, X1, X2)
	MIDDLE(8, X12, X9, X10, X3, X4)
	MIDDLE(9, X5, X6, X7, X1, X2)
	MIDDLE(9, X9, X10, X11, X3, X4)
	MIDDLE(10, X6, X7, X8, X1, X2)
	MIDDLE(10, X10, X11, X12, X3, X4)
	MIDDLE(11, X7, X8, X5, X1, X2)
	MIDDLE(11, X11, X12, X9, X3, X4)
	MIDDLE(12, X8, X5, X6, X1, X2)
	MIDDLE(12, X12, X9, X10, X3, X4)
	LATE(13, X5, X6, X7, X1, X2)
	LATE(13, X9, X10, X11, X3, X4)
	LATE(14, X6, X7, X8, X1, X2)
	LATE(14, X10, X11, X12, X3, X4)
	ROUNDS(15, X8, X1, X2)
	ROUNDS(15, X12, X3, X4)

	MOVOU 0(SP), X13
	PADDL X13, X1
	MOVOU 16(SP), X13
	PADDL X13, X2
	MOVOU 32(SP), X13
	PADDL X13, X3
	MOVOU 48(SP), X13
	PADDL X13, X4
	ADDQ  $64, SI
	ADDQ  $64, DX
	DECQ  CX
	JNZ   loop

	STORE(DI, X1, X2)
	STORE(BX, X3, X4)

done:
	RET

// func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL subleaf+4(FP), CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	MOVL CX, ecx+16(FP)
	MOVL DX, edx+20(FP)
	RET
