/// The style sheet of the page.
enum ReportStyle {
    static let text = #"""
        :root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--soft:#5a6471;--rule:#d3d9e0;--ground:#f1f4f7;
        --true:#0b6a8a;--on-true:#fff;--found:#a8490a;--on-found:#fff;--link:#0b5cad;
        --line0:#0b6a8a;--line1:#a8490a;--line2:#6b3fa0;--line3:#3d7a1e}
        @media (prefers-color-scheme:dark){:root{--back:#13171b;--ink:#e4e8ec;--soft:#9ba6b2;--rule:#363e47;--ground:#1d2329;
        --true:#5cc3e4;--on-true:#06222c;--found:#f0a15c;--on-found:#2a1502;--link:#7db8ff;
        --line0:#5cc3e4;--line1:#f0a15c;--line2:#bd9bf0;--line3:#93cf6b}}
        *{box-sizing:border-box}
        body{margin:0 auto;padding:1.5rem clamp(.8rem,3vw,2.5rem) 4rem;max-width:1500px;background:var(--back);color:var(--ink);
        font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
        h1{font-size:clamp(1.5rem,4vw,2.1rem);line-height:1.2;margin:.2em 0 .4em;overflow-wrap:anywhere}
        h2{font-size:1.35rem;margin:2.4em 0 .6em;padding-top:.5em;border-top:1px solid var(--rule)}
        h3{font-size:1.05rem;margin:0;overflow-wrap:anywhere}
        p{margin:.3em 0 .8em;max-width:75ch}
        .summary{font-size:1.15rem}
        .soft,small{color:var(--soft)}
        a{color:var(--link)}
        .facts{display:flex;flex-wrap:wrap;gap:.5rem 2.2rem;margin:1rem 0 0}
        .facts dt{color:var(--soft);font-size:.85rem}
        .facts dd{margin:0}
        .legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;margin:.4rem 0 1rem;padding:0;font-size:.9rem}
        .legend svg{vertical-align:-3px;margin-right:.45em}
        .patterns{position:absolute}
        .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        html:not(.active) .js{display:none}
        figure{margin:0}
        .panel{margin:0 0 1.4rem}
        .panel figcaption p{margin:.1em 0 .5em;font-size:.95rem;max-width:none}
        .view{display:flex;align-items:flex-start}
        .gutter{flex:none}
        .scroll{flex:1;min-width:0;overflow-x:auto;overflow-y:hidden;scrollbar-width:auto}
        .strip{display:block}
        svg text{font-family:inherit;fill:var(--ink)}
        .mark,.axis-name{font-size:12px}
        .chart .mark,.chart .axis-name{font-size:13px}
        .mark{fill:var(--soft)!important}
        .gutter text{font-size:12px;text-anchor:end}
        .name-true{fill:var(--true)!important;font-weight:600}
        .name-found{fill:var(--found)!important;font-weight:600}
        .tick{stroke:var(--soft);fill:none}
        .ground{fill:var(--ground)}
        .picture{cursor:crosshair}
        .picture image{image-rendering:auto}
        .ring{fill:none;stroke:none}
        .picture:focus{outline:none}
        .picture:focus-visible .ring{stroke:#fff;stroke-width:3}
        .edges{pointer-events:none}
        .edges *{fill:none;stroke-width:1}
        .edge-true{stroke:#a9ecff;stroke-opacity:.8}
        .edge-found{stroke:#fff;stroke-opacity:.8;stroke-dasharray:3 3}
        .plain .edges{display:none}
        .event rect{stroke-width:1.5}
        .event text{font-size:12px;text-anchor:middle;pointer-events:none}
        .lane .event{cursor:pointer}
        .event.true rect{fill:var(--true);stroke:var(--true)}
        .event.found rect{fill:var(--found);stroke:var(--found)}
        .event.true.matched text{fill:var(--on-true)}
        .event.found.matched text{fill:var(--on-found)}
        .event.renamed text{paint-order:stroke;stroke:var(--back);stroke-width:4px;stroke-linejoin:round;font-weight:600}
        .event.true.renamed rect{fill:url(#hatch-true)}
        .event.found.renamed rect{fill:url(#hatch-found)}
        .hatch-true{stroke:var(--true);stroke-width:4}
        .hatch-found{stroke:var(--found);stroke-width:4}
        .event.alone rect{fill:var(--back)!important;stroke-dasharray:3 2}
        .event:focus{outline:none}
        .event:focus-visible rect,.event.playing rect{stroke:var(--ink);stroke-width:2.5;stroke-dasharray:none}
        .chosen{fill:#fff;fill-opacity:.16;stroke:#fff;pointer-events:none}
        .playhead{stroke:#ff3b5c;stroke-width:2;pointer-events:none}
        html:not(.active) .playhead{display:none}
        .controls{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;margin:.5rem 0 0 58px;font-size:.9rem}
        .controls audio{height:36px;width:min(100%,340px)}
        button,select{font:inherit;color:inherit;background:var(--ground);border:1px solid var(--rule);border-radius:4px;
        padding:.25em .6em}
        button{cursor:pointer}
        button:focus-visible,select:focus-visible,a:focus-visible,summary:focus-visible,input:focus-visible,
        .scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
        .status{display:block;min-height:1.5em;margin:.2rem 0 0 58px;font-size:.9rem}
        .printed{display:none}
        .wide{overflow-x:auto}
        table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.95rem}
        th,td{padding:.3em .9em .3em 0;text-align:left;border-bottom:1px solid var(--rule);vertical-align:baseline;white-space:nowrap}
        thead th{font-weight:600;font-size:.85rem;color:var(--soft);vertical-align:bottom}
        tbody th{font-weight:400;white-space:normal;min-width:6em;overflow-wrap:anywhere}
        th.n,td.n{text-align:right}
        .group th{font-weight:600;padding-top:1em}
        .main th,.main b{font-weight:700}
        td b{font-weight:500}
        .main{background:var(--ground)}
        .main th{padding-left:.4em}
        .whisker{vertical-align:-3px;margin-right:.6em}
        .whisker .base{stroke:var(--rule);stroke-width:1}
        .whisker .range{stroke:var(--soft);stroke-width:1.5;fill:none}
        .whisker circle{fill:var(--ink)}
        .stages{width:min(100%,44rem)}
        .bar{width:60%}
        .bar span{display:block;height:.7em;background:var(--line0);min-width:1px}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:1.5rem 2rem}
        .chart{max-width:560px}
        .chart figcaption{font-weight:600}
        .chart>svg{display:block;width:100%;height:auto;touch-action:pan-y}
        .chart .legend{margin:.2rem 0}
        .chart details{font-size:.9rem;color:var(--soft)}
        .reading{display:block;min-height:1.5em;font-size:.9rem;font-variant-numeric:tabular-nums}
        .grid{stroke:var(--rule);fill:none}
        .hair{stroke:var(--soft);stroke-dasharray:2 2}
        .line{fill:none;stroke-width:2;stroke-linejoin:round}
        .line0{stroke:var(--line0)}.line1{stroke:var(--line1);stroke-dasharray:7 3}
        .line2{stroke:var(--line2);stroke-dasharray:2 3}.line3{stroke:var(--line3);stroke-dasharray:9 3 2 3}
        .dot0{fill:var(--line0)}.dot1{fill:var(--line1)}.dot2{fill:var(--line2)}.dot3{fill:var(--line3)}
        .files{padding-left:1.2em}
        code{font-size:.9em;color:var(--soft);overflow-wrap:anywhere}
        summary{cursor:pointer}
        @media (max-width:600px){body{padding-top:.8rem}.controls,.status{margin-left:0}.facts{gap:.4rem 1.4rem}
        th,td{padding-right:.7em}}
        @media print{:root{--back:#fff;--ink:#000;--soft:#444;--rule:#bbb;--ground:#f1f4f7;--true:#0b6a8a;--on-true:#fff;
        --found:#a8490a;--on-found:#fff;--line0:#0b6a8a;--line1:#a8490a;--line2:#6b3fa0;--line3:#3d7a1e}
        body{max-width:none;padding:0;font-size:10.5pt}.controls,.status,.reading,.chart details,.js,.playhead{display:none!important}
        .view{position:absolute;left:-99999px;height:0;overflow:hidden}
        .printed{display:block}.printed svg{display:block;width:100%;height:auto;margin:0 0 .6rem}
        .chart,.printed svg,tr{break-inside:avoid}h2,h3,figcaption{break-after:avoid}
        *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
        """#
}
