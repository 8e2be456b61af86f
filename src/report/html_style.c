/* The style sheet of the page: light and dark, narrow and wide, screen and paper. Arrows are borders, since paper is printed without backgrounds. */
#include "report/html.h"

#define COLOURS                                                                                                                                       \
	":root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de;--box:#f6f8fa;--bad:#b3261e;--bad-box:#fdf0ee;"          \
	"--good:#1a7f37;--good-box:#effaf1;--unsure:#8a5a00;--unsure-box:#fff8e6;--client:#0b5cad;--server:#7a3fa0;--tls:#1a7f37;--tls-box:#f0faf3;"    \
	"--focus:#0b5cad}\n"                                                                                                                             \
	"@media (prefers-color-scheme:dark){:root{--paper:#0f1318;--ink:#e4e8ec;--soft:#9aa5b1;--rule:#343c46;--box:#191f26;--bad:#ff8a80;"             \
	"--bad-box:#331715;--good:#6fd087;--good-box:#13291a;--unsure:#f0c062;--unsure-box:#2c2310;--client:#6cb6ff;--server:#d2a0f5;--tls:#6fd087;"    \
	"--tls-box:#12231a;--focus:#6cb6ff}}\n"

#define PAGE                                                                                                                                          \
	"*{box-sizing:border-box}\n"                                                                                                                      \
	"html{font:100%/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"DejaVu Sans\",sans-serif;background:var(--paper);color:var(--ink);" \
	"-webkit-text-size-adjust:100%}\n"                                                                                                               \
	"body{margin:0 auto;max-width:58rem;padding:1rem 1rem 3rem}\n"                                                                                    \
	"h1{font-size:1.7rem;line-height:1.25;margin:0 0 .5rem;overflow-wrap:anywhere}\n"                                                               \
	"h2{font-size:1.2rem;line-height:1.3;margin:2.2rem 0 .7rem;padding-bottom:.25rem;border-bottom:1px solid var(--rule)}\n"                          \
	"h3{font-size:1rem;margin:1.2rem 0 .4rem}\n"                                                                                                     \
	"p{margin:.5rem 0;overflow-wrap:anywhere}\n"                                                                                                      \
	"a{color:var(--focus)}\n"                                                                                                                         \
	"code,pre,.run{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;font-size:.875em}\n"                          \
	"code{overflow-wrap:anywhere}\n"                                                                                                                  \
	"pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}\n"                                                                                     \
	"ol[role=list],ul[role=list]{list-style:none;margin:0;padding:0}\n"                                                                               \
	":focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:2px}\n"                                                           \
	"summary{cursor:pointer}\n"                                                                                                                       \
	".sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}\n"                                           \
	".skip{position:absolute;left:1rem;top:-4rem;background:var(--paper);padding:.5rem .8rem;border:1px solid var(--rule);z-index:1}\n"               \
	".skip:focus{top:.5rem}\n"                                                                                                                        \
	".verdict{border:1px solid var(--rule);border-left:.5rem solid var(--unsure);background:var(--unsure-box);border-radius:.4rem;padding:1.1rem 1.3rem}\n" \
	".verdict.bad{border-left-color:var(--bad);background:var(--bad-box)}.verdict.bad h1{color:var(--bad)}\n"                                         \
	".verdict.good{border-left-color:var(--good);background:var(--good-box)}.verdict.good h1{color:var(--good)}\n"                                    \
	".lead{font-size:1.08rem}\n"                                                                                                                      \
	".facts{display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:1rem 0 0}.facts dt{font-size:.8rem;color:var(--soft)}.facts dd{margin:0;font-weight:600;" \
	"overflow-wrap:anywhere}\n"                                                                                                                       \
	".contents ul{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.8rem 0 0;font-size:.9rem}\n"                                                   \
	".quotes li{border-left:4px solid var(--rule);background:var(--box);padding:.45rem .8rem;margin:.4rem 0;border-radius:0 .3rem .3rem 0}\n"         \
	".quotes .client{border-color:var(--client)}.quotes .server{border-color:var(--server)}\n"                                                       \
	".by{margin:0;font-size:.8rem;color:var(--soft)}.client>.by b{color:var(--client)}.server>.by b{color:var(--server)}\n"                           \
	".fixes{margin:0}.fixes>div{display:grid;grid-template-columns:9.5rem 1fr;gap:0 1rem;padding:.55rem 0;border-bottom:1px solid var(--rule)}"       \
	".fixes dt{font-weight:600}.fixes dd{margin:0;overflow-wrap:anywhere}\n"                                                                          \
	".run{display:block;background:var(--box);border:1px solid var(--rule);border-radius:.3rem;padding:.6rem .8rem;overflow-wrap:anywhere}\n"         \
	".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;vertical-align:top;padding:.4rem .7rem " \
	".4rem 0;border-bottom:1px solid var(--rule)}thead th{font-size:.8rem;color:var(--soft);font-weight:600}td.n,th.n{text-align:right}td code{overflow-wrap:break-word}\n" \
	".found{border-bottom:1px solid var(--rule);padding:.5rem 0}.found>summary{font-weight:600}.found>summary span{font-weight:400;color:var(--soft)}\n" \
	".session{margin:.6rem 0}.session>summary{font-weight:600}\n"                                                                                     \
	"footer{margin-top:2.5rem;padding-top:.6rem;border-top:1px solid var(--rule);font-size:.85rem;color:var(--soft)}\n"

/* Two columns: when and where; between the life lines, which are the lane's borders. */
#define LADDER                                                                                                                                        \
	".ladder{--meta:8.5rem;margin:.6rem 0 1.5rem}.ladder.untimed{--meta:5.5rem}.when{font-size:.85rem;color:var(--soft);margin:0 0 .4rem var(--meta)}\n" \
	".parties{display:flex;justify-content:space-between;gap:1rem;margin-left:var(--meta)}\n"                                                         \
	".party{display:flex;flex-direction:column;max-width:48%;border:2px solid var(--client);border-radius:.35rem;padding:.35rem .7rem;"              \
	"overflow-wrap:anywhere;line-height:1.35;background:var(--paper)}.party.server{border-color:var(--server);text-align:right}\n"                   \
	".role{font-size:.75rem;color:var(--client)}.server>.role{color:var(--server)}.details{font-size:.8rem;color:var(--soft)}\n"                      \
	".rung,.label{display:grid;grid-template-columns:var(--meta) minmax(0,1fr)}\n"                                                                    \
	".meta{font-size:.75rem;line-height:1.4;color:var(--soft);padding:.45rem .7rem 0 0;text-align:right;font-variant-numeric:tabular-nums}\n"        \
	".where{display:block}.since{color:var(--ink)}.pause{white-space:nowrap}\n"                                                                       \
	".lane,.label span{margin:0 1.2rem;border:solid;border-width:0 3px;border-color:transparent var(--server) transparent var(--client)}\n"           \
	".lane{padding:.45rem 0}.said,.lane .notes,.silence{padding:0 .9rem}\n"                                                                                 \
	".rung.server .said,.rung.server .notes{text-align:right}.rung.both .said,.rung.both .notes,.rung.more .said{text-align:center}\n"               \
	".said pre{text-align:left;background:var(--box);border:1px solid var(--rule);border-radius:.3rem;padding:.5rem .7rem;margin:.3rem 0;"           \
	"max-height:22rem;overflow:auto}\n"                                                                                                               \
	".said details:not([open]){display:inline-block}\n"                                                                                               \
	".rung.note code,.rung.more code{font-style:italic;color:var(--soft)}\n"                                                                          \
	".rung.both:not(.more) .said code{border:1px dashed var(--rule);border-radius:.3rem;padding:.1rem .5rem;display:inline-block;text-align:left}\n"                  \
	".line{position:relative;height:0;margin:.3rem .7rem .15rem 0;border-top:2px solid var(--client)}"                                                \
	".rung.server .line{margin:.3rem 0 .15rem .7rem;border-color:var(--server)}\n"                                                                    \
	".line::after{content:\"\";position:absolute;top:-.5rem;right:-.65rem;border:.44rem solid transparent;border-left:.7rem solid var(--client);"     \
	"border-right-width:0}"                                                                                                                           \
	".rung.server .line::after{right:auto;left:-.65rem;border-width:.44rem .7rem .44rem 0;border-color:transparent var(--server) transparent transparent}\n" \
	".rung.stopped .line{margin-right:25%;border-top-style:dashed}"                                                                                   \
	".rung.stopped .line::after{content:\"\\2715\";border:0;top:-.8rem;right:-1rem;color:var(--bad);font-weight:700;line-height:1.5rem}\n"              \
	".rung.gap .line{border-top-style:dashed}.rung.gap .lane{background:repeating-linear-gradient(135deg,transparent 0 6px,var(--bad-box) 6px 12px)}\n" \
	".rung.starts .lane{padding-top:.7rem}.rung.ends .lane{padding-bottom:.7rem}\n"                                                                   \
	".notes{font-size:.8rem;color:var(--soft)}.notes li{overflow-wrap:anywhere}.notes .odd::before,.notes .lost::before{content:\"\\26A0\\FE0E  \"}"     \
	".notes .odd{color:var(--unsure)}.notes .lost{color:var(--bad)}.notes .decoded::before{content:\"= \"}\n"                                         \
	".silence{margin:.1rem 0 .5rem;text-align:center;font-size:.85rem;font-weight:600;color:var(--unsure);border:dashed var(--unsure);"              \
	"border-width:1px 0;background:repeating-linear-gradient(135deg,transparent 0 6px,var(--unsure-box) 6px 12px)}\n"                                \
	".badge{display:inline-block;font-size:.7rem;font-weight:600;line-height:1.3;border:1px solid currentColor;border-radius:.6rem;padding:0 .45rem;" \
	"margin:0 .35rem;color:var(--soft)}\n"                                                                                                            \
	".decisive .badge{color:var(--bad)}.decisive>.lane{background:var(--bad-box);box-shadow:inset 0 1px var(--bad),inset 0 -1px var(--bad)}"          \
	".decisive .said code{font-weight:700}.other>.lane{background:var(--unsure-box)}\n"                                                               \
	":target>.lane{outline:3px solid var(--focus)}\n"                                                                                                 \
	".tls .lane,.label span{background:var(--tls-box);border-style:double;border-left-width:5px;border-right-width:5px;border-top-width:0;"           \
	"border-bottom-width:0}.tls .decisive>.lane{background:var(--bad-box)}.label{margin:0}.label span{grid-column:2;text-align:center;"              \
	"font-size:.78rem;font-weight:600;color:var(--tls);padding:.25rem .9rem;overflow-wrap:anywhere}\n"

#define NARROW                                                                                                                                        \
	"@media (max-width:40rem){body{padding:.7rem .6rem 2rem}h1{font-size:1.4rem}.verdict{padding:.8rem .9rem}.fixes>div{grid-template-columns:1fr}"    \
	".ladder,.ladder.untimed{--meta:0rem}.parties{gap:.5rem}.when{margin-left:0}.rung,.label{display:block}.lane,.label span,.meta{margin:0 .3rem}"   \
	".label span{display:block}.meta{text-align:left;padding:.3rem .6rem 0;border:solid;border-width:0 3px;border-color:transparent var(--server) "   \
	"transparent var(--client)}.tls .meta{border-style:double;border-width:0 5px;background:var(--tls-box)}.decisive>.meta{background:var(--bad-box)}" \
	".where{display:inline}.rung.server .meta{text-align:right}.lane{padding-top:.1rem}.party{padding:.3rem .5rem;font-size:.9rem}"                   \
	"th,td{padding-right:.5rem}}\n"

#define PAPER                                                                                                                                         \
	"@page{size:A4;margin:15mm}\n"                                                                                                                    \
	"@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--rule:#999;--box:#fff;--bad:#a01010;--bad-box:#fff;--good:#0b5d22;--good-box:#fff;"     \
	"--unsure:#704800;--unsure-box:#fff;--client:#0b4a8f;--server:#5f2c83;--tls:#0b5d22;--tls-box:#fff;--focus:#000}"                                 \
	"html{font-size:9.5pt;color-scheme:light}body{max-width:none;padding:0}.skip,.contents{display:none}a{color:inherit;text-decoration:none}"        \
	"h2,h3,.parties,.label{break-after:avoid}.rung,.quotes li,.fixes>div,tr{break-inside:avoid}.said pre{max-height:none}"                            \
	"details:not(.rest)::details-content{content-visibility:visible;block-size:auto;opacity:1}.decisive>.lane{border-top:1px solid;border-bottom:1px solid}}\n"

struct slice html_style(void)
{
	return S(COLOURS PAGE LADDER NARROW PAPER);
}
