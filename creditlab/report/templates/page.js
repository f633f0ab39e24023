// Language switch, lazy figures, paper. No request is made: plotly and the figures are in this file.
"use strict";
(() => {
  const root = document.documentElement;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const settings = read("page-settings");
  const plots = [...document.querySelectorAll(".plot")];
  const darkGround = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Set();
  let lang = root.lang.startsWith("zh") ? "zh" : "en";
  let paper = false;
  let unpacking = null;

  const config = () => ({
    displaylogo: false,
    responsive: true,
    scrollZoom: false,
    locale: lang === "zh" ? "zh-CN" : "en",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  });
  const chinese = {
    moduleType: "locale",
    name: "zh-CN",
    dictionary: {
      "Download plot as a PNG": "保存为图片",
      "Download plot": "保存为图片",
      Zoom: "缩放",
      Pan: "平移",
      "Reset axes": "恢复坐标",
      "Double-click to zoom back out": "双击恢复",
    },
    format: {},
  };

  // one word, perhaps with a unit or a count in brackets behind it
  const said = (text) => {
    if (Object.hasOwn(settings.words, text)) return settings.words[text][lang];
    const cut = text.endsWith(")") ? text.lastIndexOf(" (") : -1;
    const base = cut > 0 ? text.slice(0, cut) : "";
    return Object.hasOwn(settings.words, base) ? settings.words[base][lang] + text.slice(cut) : text;
  };
  // a string of a figure: a colour in the dark, hover lines "word: value", or words between dots
  const turned = (text, dark) => {
    if (dark && Object.hasOwn(settings.dark, text)) return settings.dark[text];
    if (!text.endsWith("<extra></extra>")) return text.split(" · ").map(said).join(" · ");
    return text.split("<br>").map((line) => {
      const colon = line.indexOf(": ");
      return colon > 0 ? said(line.slice(0, colon)) + line.slice(colon) : line;
    }).join("<br>");
  };
  const walk = (value, dark) => {
    if (typeof value === "string") return turned(value, dark);
    if (Array.isArray(value)) return value.map((v) => walk(v, dark));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === "bdata" ? v : walk(v, dark)]));
    }
    return value;
  };

  const unpack = () => {
    unpacking ??= (async () => {
      const packed = Uint8Array.from(atob(document.getElementById("page-plotly").textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const script = document.createElement("script");
      script.textContent = await new Response(stream).text();
      document.head.append(script);
      Plotly.register(chinese);
    })();
    return unpacking;
  };
  const draw = (plot) => {
    const dark = darkGround.matches && !paper;
    const figure = walk(read(plot.dataset.figure), dark);
    figure.layout.template = settings.templates[dark ? "dark" : "light"];
    if (paper) Object.assign(figure.layout, { width: 670, autosize: false });
    drawn.add(plot);
    return Plotly.react(plot, figure.data, figure.layout, config());
  };
  const failed = (error) => {
    for (const plot of plots) {
      plot.style.minHeight = "0";
      plot.textContent = "图表需要较新的浏览器；数据见下表。 Figures need a current browser; the table below has the data.";
    }
    throw error;
  };

  const speak = (chosen) => {
    lang = chosen;
    root.lang = lang === "zh" ? "zh-CN" : "en";
    document.title = settings.title[lang];
    for (const button of document.querySelectorAll("[data-lang]")) {
      button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
    }
    drawn.forEach(draw);
  };
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.addEventListener("click", () => speak(button.dataset.lang));
  }
  // the rows that a table shows, as a file for a spreadsheet; text that could be run as a formula gets an apostrophe
  const spoken = (cell) => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll(lang === "zh" ? ".en" : ".zh").forEach((other) => other.remove());
    const text = copy.textContent.trim().replace(/\s+/g, " ");
    const safe = /^[=+@\t\r]|^-(?![\d.,]+%?$)/.test(text) ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  for (const button of document.querySelectorAll("button.file")) {
    button.addEventListener("click", () => {
      const place = button.closest(".table, figure");
      const rows = [...place.querySelector("table").rows].map((row) => [...row.cells].map(spoken).join(","));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff" + rows.join("\r\n")], { type: "text/csv" }));
      link.download = `${place.id}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
  const asked = /^#lang=(zh|en)$/.exec(location.hash);
  if (asked) speak(asked[1]);

  // the contents mark the section that is being read
  const hits = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const link = document.querySelector(`.contents a[href="#${CSS.escape(entry.target.id)}"]`);
      if (link) link.toggleAttribute("data-here", entry.isIntersecting);
    }
  }, { rootMargin: "-10% 0px -70% 0px" });
  document.querySelectorAll("main section > h2").forEach((heading) => hits.observe(heading));

  if (plots.length) {
    const eye = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        eye.unobserve(target);
        unpack().then(() => drawn.has(target) || draw(target)).catch(failed);
      }
    }, { rootMargin: "600px 0px" });
    plots.forEach((plot) => eye.observe(plot));
    // unpacked early, so that printing finds plotly there
    setTimeout(() => unpack().catch(failed), 200);
    darkGround.addEventListener("change", () => drawn.forEach(draw));
  }

  // a table wider than a sheet of A4 (186 mm, 703 px) is printed smaller; its text is 8 pt there and 14.4 px here
  const fit = () => {
    const root = document.documentElement;
    root.classList.add("fitting");
    const tables = [...document.querySelectorAll(".wide > table")];
    const wanted = tables.map((table) => table.offsetWidth * (table.classList.contains("many") ? 0.54 : 0.74));
    root.classList.remove("fitting");
    tables.forEach((table, i) => { if (wanted[i] > 690) table.style.zoom = Math.max(0.5, 690 / wanted[i]).toFixed(3); });
  };
  let closed = [];
  const toPaper = () => {
    if (paper) return;
    paper = true;
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((details) => { details.open = true; });
    fit();
    if (typeof Plotly !== "undefined") plots.forEach(draw);
  };
  const toScreen = () => {
    if (!paper) return;
    paper = false;
    closed.forEach((details) => { details.open = false; });
    document.querySelectorAll(".wide > table").forEach((table) => { table.style.zoom = ""; });
    drawn.forEach(draw);
  };
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", toScreen);
})();
