/** The page's style sheet; colours are the variables of `charts/theme.ts`. */
export const STYLE = `
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;-webkit-font-smoothing:antialiased}
header,nav,main{max-width:1080px;margin:0 auto;padding:0 28px}
header{padding-top:64px}
.kicker{margin:0;color:var(--ours);font-weight:600;letter-spacing:.02em}
h1{margin:.1em 0 .3em;font-size:clamp(2rem,5vw,3rem);line-height:1.1;letter-spacing:-.025em;font-weight:700}
.facts{margin:0;color:var(--muted);display:flex;flex-wrap:wrap;gap:4px 20px;font-size:.94rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:14px;margin:36px 0 8px}
.card{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:18px 20px 16px}
.card b{display:block;font-size:2.1rem;line-height:1.1;letter-spacing:-.03em;font-variant-numeric:tabular-nums}
.card small{font-size:1rem;font-weight:500;color:var(--muted);margin-left:4px;letter-spacing:0}
.card span{display:block;margin-top:8px;color:var(--muted);font-size:.88rem;line-height:1.4}
.card em{display:block;margin-top:8px;font-style:normal;font-size:.82rem;font-weight:500}
.notice{margin:20px 0 0;padding:12px 18px 12px 36px;border:1px solid var(--bad);border-radius:10px;color:var(--bad);font-size:.92rem}
nav{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--line);display:flex;gap:4px 20px;overflow-x:auto;padding-top:14px;padding-bottom:12px;margin-top:28px;font-size:.9rem;white-space:nowrap}
nav a{color:var(--muted);text-decoration:none}
nav a:hover,nav a:focus-visible{color:var(--ink);text-decoration:underline;text-underline-offset:4px}
section{padding:44px 0 8px;scroll-margin-top:40px}
h2{margin:0 0 .5em;font-size:1.6rem;line-height:1.25;letter-spacing:-.015em}
p{margin:0 0 .8em;max-width:74ch}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:color-mix(in srgb,var(--line) 60%,transparent);padding:.1em .35em;border-radius:4px}
figure{margin:26px 0 30px;background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:22px 22px 14px}
.chart{overflow-x:auto}
.chart svg{display:block;width:100%;height:auto;min-width:720px}
figcaption{color:var(--muted);font-size:.9rem;margin-top:10px}
.table{overflow-x:auto;margin:22px 0}
table{border-collapse:collapse;width:100%;font-size:.92rem;line-height:1.45;font-variant-numeric:tabular-nums}
caption{caption-side:top;text-align:left;font-weight:600;padding:0 0 8px}
th{font-weight:500;color:var(--muted);text-align:right;vertical-align:bottom;padding:6px 12px;border-bottom:1px solid var(--line)}
td{text-align:right;padding:7px 12px;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
th.words,td.words{text-align:left;white-space:normal;overflow-wrap:break-word}
th:first-child,td:first-child{padding-left:0;overflow-wrap:normal;min-width:11em}
th:last-child,td:last-child{padding-right:0}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:600}
.muted{color:var(--muted)}
.strong{font-weight:600}
main{padding-bottom:80px}
@media (max-width:640px){header,nav,main{padding-left:18px;padding-right:18px}header{padding-top:36px}figure{padding:14px 12px 10px}}
@media print{body{font-size:11pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}nav{display:none}header,main{max-width:none;padding:0}header{padding-top:0}section{padding-top:20pt}h2,caption{break-after:avoid}figure,.card,tr{break-inside:avoid}.chart svg{min-width:0}.chart,.table{overflow:visible}table{font-size:8.5pt}th,td{padding:3pt 5pt}td{white-space:normal}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`.trim();
