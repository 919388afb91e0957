# Writes zlib.json beside itself: streams, whole and broken, and the verdict of zlib.
import json, pathlib, random, zlib
random.seed(7)
text = b"".join(random.choice([b"the ", b"quick ", b"fox ", b"import os\n", bytes([random.randrange(256)])]) for _ in range(300))
def raw(data, level=6, strategy=0, wbits=-15, mem=8):
    c = zlib.compressobj(level, zlib.DEFLATED, wbits, mem, strategy); return c.compress(data)+c.flush()
class B:
    def __init__(s): s.v=0; s.n=0
    def put(s,v,n): s.v|=v<<s.n; s.n+=n; return s
    def code(s,c,n):
        for i in range(n-1,-1,-1): s.put(c>>i&1,1)
        return s
    def bytes(s): return s.v.to_bytes((s.n+7)//8,'little')
ORDER=[16,17,18,0,8,7,9,6,10,5,11,4,12,3,13,2,14,1,15]
def canon(lens):
    out={}; code=0
    for l in range(1,16):
        for s,x in enumerate(lens):
            if x==l: out[s]=(code,l); code+=1
        code<<=1
    return out
def dyn(lit, dist, body, meta, nlit=None, ndist=None, seq=None):
    b=B().put(1,1).put(2,2)
    nlit=nlit or len(lit); ndist=ndist or len(dist)
    b.put(nlit-257,5).put(ndist-1,5).put(15,4)
    for s in ORDER: b.put(meta[s],3)
    m=canon(meta)
    for s in (seq if seq is not None else lit+dist):
        if isinstance(s,tuple): b.code(*m[s[0]]).put(s[1],s[2])
        else: b.code(*m[s])
    cl,cd=canon(lit),canon(dist)
    for x in body:
        if x[0]=='l': b.code(*cl[x[1]])
        elif x[0]=='d': b.code(*cd[x[1]])
        else: b.put(x[1],x[2])
    return b.bytes()
# complete: 14 codes of 4 bits (0..13) leave 2/16: 14..18 are five codes -> 5,5,5,6,6
META=[4]*14+[5,5,5,6,6]
def L(**kw):
    l=[0]*257
    for k,v in kw.items(): l[int(k[1:])]=v
    return l
cases={}
def add(name,data): cases[name]=data
for lv in range(10): add(f"level{lv}",raw(text,lv))
add("fixed",raw(text,6,zlib.Z_FIXED)); add("huffman",raw(text,6,zlib.Z_HUFFMAN_ONLY)); add("rle",raw(text*3,6,zlib.Z_RLE))
add("empty",raw(b"")); add("stored empty",B().put(1,3).put(0,5).put(0xffff0000,32).bytes())
add("stored bad lengths",B().put(1,3).put(0,5).put(0xfffe0000,32).bytes())
add("type 3",B().put(7,3).bytes()+b"\0"*4)
def fixed(*xs):
    b=B().put(1,1).put(1,2)
    for x in xs:
        if x[0]=='p': b.put(*x[1:])
        else: b.code(*x[1:])
    return b.code(0,7).bytes()+b""
add("fixed 286",fixed(('c',0b11000110,8))); add("fixed 287",fixed(('c',0b11000111,8)))
add("fixed distance 30",fixed(('c',0x30,8),('c',1,7),('c',30,5))); add("fixed distance 31",fixed(('c',0x30,8),('c',1,7),('c',31,5)))
add("too far",fixed(('c',0x30,8),('c',1,7),('c',1,5))); add("distance 1",fixed(('c',0x30,8),('c',1,7),('c',0,5)))
add("length 258",fixed(('c',0x30,8),('c',0b11000101,8),('c',0,5)))
add("length 258 as 284",fixed(('c',0x30,8),('c',0b11000100,8),('p',31,5),('c',0,5)))
lit1=L(_97=1,_256=1)
add("two literals, no distance",dyn(lit1,[0],[('l',97),('l',256)],META))
add("no distance, used",dyn(L(_97=1,_256=2)+[2],[0],[('l',97),('l',257),('b',0,8),('l',256)],META))
add("one distance",dyn(L(_97=1,_256=2)+[2],[1],[('l',97),('l',257),('d',0),('l',256)],META))
add("one distance, other bit",dyn(L(_97=1,_256=2)+[2],[1],[('l',97),('l',257),('b',1,1),('l',256)],META))
add("one distance of 2 bits",dyn(L(_97=1,_256=2)+[2],[2],[('l',97),('l',257),('d',0),('l',256)],META))
add("only end of block",dyn(L(_256=1),[0],[('l',256)],META))
add("only end of block, other bit",dyn(L(_256=1),[0],[('b',1,1)],META)+b"\0")
add("only end of block of 2 bits",dyn(L(_256=2),[0],[('l',256)],META))
add("no end of block",dyn(L(_97=1,_98=1),[0],[('l',97)],META))
add("literals incomplete",dyn(L(_97=2,_256=1),[0],[('l',97),('l',256)],META))
add("literals over-subscribed",dyn(L(_97=1,_98=1,_256=1),[0],[],META)+b"\0\0")
add("distances incomplete",dyn(lit1,[2,1],[('l',256)],META))
add("distances over-subscribed",dyn(lit1,[1,1,1],[],META)+b"\0\0")
add("meta over-subscribed",B().put(5,3).put(0,14).put(0o1111,12).bytes()+b"\0"*8)
add("meta incomplete",B().put(5,3).put(0,14).put(0o0200,12).bytes()+b"\0"*8)
add("meta single",B().put(5,3).put(0,14).put(0o1000,12).bytes()+b"\0"*80)
add("meta none",B().put(5,3).put(0,14).put(0,12).bytes()+b"\0"*80)
add("repeat first",dyn(lit1,[0],[],META,seq=[(16,0,2)])+b"\0"*4)
add("repeat beyond",dyn(lit1,[0],[],META,seq=[(18,127,7),(18,127,7)])+b"\0"*4)
add("repeat across",dyn(L(_97=1,_256=2)+[2],[2,2,2,2],[('l',97),('l',257),('d',0),('l',256)],META,seq=[0]*97+[1]+[0]*158+[2,2,(16,1,2)]))
add("286 literals",dyn(L(_97=1,_256=1)+[0]*29,[0]*30,[('l',97),('l',256)],META))
add("287 literals",dyn(L(_97=1,_256=1)+[0]*30,[0],[('l',97),('l',256)],META))
add("31 distances",dyn(lit1,[0]*31,[('l',97),('l',256)],META))
deep=[0]*257
for i in range(15): deep[65+i]=i+1
deep[256]=15
add("codes of 15 bits",dyn(deep,[0],[('l',65+i) for i in range(15)]+[('l',256)],[4]*13+[4,4,4]+[0,0,0]))
base=raw(text[:400],9)
for i in range(0,len(base),4):
    for bit in (i%8,(i//4+3)%8):
        x=bytearray(base); x[i]^=1<<bit; add(f"flip {i}.{bit}",bytes(x))
big=raw(bytes(random.randrange(40) for _ in range(120)))
for i in range(0,60):
    for bit in (i%8,(i+5)%8):
        x=bytearray(big); x[i]^=1<<bit; add(f"flip codes {i}.{bit}",bytes(x))
for n in range(0,len(base),5): add(f"cut {n}",base[:n])
add("trailing",base+b"x")
out=[]
for name,data in cases.items():
    d=zlib.decompressobj(-15); v="ok"; size=0; crc=0
    try:
        o=d.decompress(data); size=len(o); crc=zlib.crc32(o)
        if not d.eof: v="truncated"
        elif d.unused_data: v="trailing"
    except zlib.error as e:
        v=str(e).split(": ",1)[1]
    if v!="ok": size=crc=0
    out.append(dict(name=name,hex=data.hex(),verdict=v,size=size,crc=crc))
pathlib.Path(__file__).with_name("zlib.json").write_text("[\n"+",\n".join(json.dumps(o) for o in out)+"\n]\n")
