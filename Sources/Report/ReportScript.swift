/// The script of the page. Without it everything is still there: pictures, names, native players.
enum ReportScript {
    static let text = #"""
        "use strict";
        (() => {
        document.documentElement.classList.add("active");
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        const panels = [];
        let context = null;

        class Panel {
            constructor(element) {
                const find = (name) => element.querySelector(name);
                this.element = element;
                this.duration = Number(element.dataset.duration);
                this.speed = Number(element.dataset.speed);
                this.strip = find(".strip");
                this.width = this.strip.viewBox.baseVal.width;
                this.picture = find(".picture");
                this.playhead = find(".playhead");
                this.chosen = find(".chosen");
                this.scroll = find(".scroll");
                this.audio = find("audio");
                this.status = find(".status");
                this.events = [...element.querySelectorAll(".lane .event")];
                // Recordings often begin with silence.
                const first = Math.min(...this.events.map((event) => Number(event.dataset.start)));
                const place = first / this.duration * this.width;
                if (place > this.scroll.clientWidth * 0.5 && first < Infinity) this.scroll.scrollLeft = place - 60;
                this.position = 0;
                this.source = null;
                this.listen(find);
            }

            listen(find) {
                this.picture.addEventListener("click", (event) => {
                    const box = this.strip.getBoundingClientRect();
                    this.playFrom((event.clientX - box.left) / box.width * this.duration);
                });
                this.picture.addEventListener("keydown", (event) => this.pictureKey(event));
                for (const event of this.events) {
                    event.addEventListener("click", () => this.playEvent(event));
                    event.addEventListener("keydown", (key) => this.eventKey(key, event));
                }
                find(".borders").addEventListener("change", (change) =>
                    this.element.classList.toggle("plain", !change.target.checked));
                find(".back")?.addEventListener("click", () => this.mistake(-1));
                find(".forth")?.addEventListener("click", () => this.mistake(1));
                if (!this.audio) return;
                this.audio.addEventListener("play", () => {
                    panels.filter((panel) => panel !== this).forEach((panel) => panel.stop());
                    this.stopEvent();
                    this.follow();
                });
                this.audio.addEventListener("seeked", () => {
                    if (!this.source) this.show(this.audio.currentTime * this.speed, false);
                });
                find(".speed").addEventListener("change", (change) => {
                    this.audio.preservesPitch = false;
                    this.audio.playbackRate = Number(change.target.value);
                });
            }

            show(seconds, mayScroll) {
                this.position = Math.min(Math.max(seconds, 0), this.duration);
                const x = this.position / this.duration * this.width;
                this.playhead.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
                this.picture.setAttribute("aria-valuenow", this.position.toFixed(3));
                this.picture.setAttribute("aria-valuetext", `${this.position.toFixed(2)} seconds`);
                if (mayScroll) this.reveal(x, x);
            }

            reveal(left, right) {
                const {scrollLeft, clientWidth} = this.scroll;
                if (left >= scrollLeft + 10 && right <= scrollLeft + clientWidth - 10) return;
                this.scroll.scrollTo({left: left - clientWidth * 0.15, behavior: calm ? "auto" : "smooth"});
            }

            follow() {
                if (!this.audio || this.audio.paused) return;
                this.show(this.audio.currentTime * this.speed, this.audio.playbackRate > 0);
                requestAnimationFrame(() => this.follow());
            }

            playFrom(seconds) {
                this.stopEvent();
                this.show(seconds, false);
                if (!this.audio) return;
                this.audio.currentTime = this.position / this.speed;
                this.audio.play().catch(() => {});
            }

            stop() {
                this.audio?.pause();
                this.stopEvent();
            }

            stopEvent() {
                const source = this.source;
                this.source = null;
                try { source?.stop(); } catch {}
                this.element.querySelectorAll(".playing").forEach((event) => event.classList.remove("playing"));
            }

            choose(event) {
                const lane = event.closest(".lane");
                lane.querySelector('.event[tabindex="0"]')?.setAttribute("tabindex", "-1");
                event.setAttribute("tabindex", "0");
                event.focus({preventScroll: true});
                const [from, to] = [event.dataset.start, event.dataset.end].map((time) => time / this.duration * this.width);
                this.chosen.setAttribute("x", from);
                this.chosen.setAttribute("width", Math.max(to - from, 1));
                this.reveal(from, to);
                this.status.textContent = event.getAttribute("aria-label");
            }

            async playEvent(event) {
                panels.forEach((panel) => panel.stop());
                this.choose(event);
                if (!this.audio) return;
                const [from, to] = [Number(event.dataset.start), Number(event.dataset.end)];
                try {
                    context ??= new AudioContext();
                    await context.resume();
                    this.buffer ??= context.decodeAudioData(this.bytes());
                    const buffer = await this.buffer;
                    const [source, gain] = [context.createBufferSource(), context.createGain()];
                    source.buffer = buffer;
                    source.playbackRate.value = this.audio.playbackRate;
                    source.connect(gain).connect(context.destination);
                    const seconds = Math.max(to - from, 0.002) / this.speed / this.audio.playbackRate;
                    const begin = context.currentTime + 0.03;
                    const fade = Math.min(0.003, seconds / 4);
                    gain.gain.setValueAtTime(0, begin);
                    gain.gain.linearRampToValueAtTime(1, begin + fade);
                    gain.gain.setValueAtTime(1, begin + seconds - fade);
                    gain.gain.linearRampToValueAtTime(0, begin + seconds);
                    panels.forEach((panel) => panel.stopEvent());
                    this.source = source;
                    event.classList.add("playing");
                    source.start(begin, from / this.speed);
                    source.stop(begin + seconds + 0.01);
                    const step = () => {
                        if (this.source !== source) return;
                        const share = (context.currentTime - begin) / seconds;
                        this.show(from + (to - from) * Math.min(Math.max(share, 0), 1), false);
                        if (share < 1) requestAnimationFrame(step); else this.stopEvent();
                    };
                    step();
                } catch (error) {
                    this.playFrom(from);
                }
            }

            bytes() {
                const text = atob(this.audio.src.slice(this.audio.src.indexOf(",") + 1));
                const bytes = new Uint8Array(text.length);
                for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
                return bytes.buffer;
            }

            pictureKey(key) {
                const step = this.duration * (key.shiftKey ? 100 : 20) / this.width;
                const moves = {ArrowLeft: -step, ArrowRight: step, Home: -Infinity, End: Infinity};
                if (key.key in moves) {
                    this.stopEvent();
                    this.show(this.position + moves[key.key], true);
                    if (this.audio) this.audio.currentTime = this.position / this.speed;
                } else if (key.key === " " && this.audio) {
                    if (this.audio.paused) this.playFrom(this.position); else this.audio.pause();
                } else return;
                key.preventDefault();
            }

            eventKey(key, event) {
                const lane = [...event.closest(".lane").querySelectorAll(".event")];
                const index = lane.indexOf(event);
                const targets = {ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: lane.length - 1};
                if (key.key in targets) {
                    const next = lane[targets[key.key]];
                    if (next) this.choose(next);
                } else if (key.key === "Enter" || key.key === " ") this.playEvent(event);
                else return;
                key.preventDefault();
            }

            mistake(direction) {
                const wrong = this.events.filter((event) => !event.classList.contains("matched"));
                wrong.sort((a, b) => a.dataset.start - b.dataset.start);
                if (wrong.length === 0) return;
                const index = wrong.indexOf(this.mistaken);
                const next = index < 0 ? (direction > 0 ? 0 : wrong.length - 1)
                    : (index + direction + wrong.length) % wrong.length;
                this.mistaken = wrong[next];
                this.playEvent(this.mistaken);
            }
        }

        for (const element of document.querySelectorAll(".panel")) panels.push(new Panel(element));

        for (const drawing of document.querySelectorAll(".chart > svg")) {
            const lines = JSON.parse(drawing.dataset.points);
            const reading = drawing.parentElement.querySelector(".reading");
            const hair = drawing.querySelector(".hair");
            drawing.addEventListener("pointermove", (event) => {
                const box = drawing.getBoundingClientRect();
                const x = (event.clientX - box.left) / box.width * drawing.viewBox.baseVal.width;
                const nearest = lines.map((line) => ({name: line.name, point: line.points.reduce((a, b) =>
                    Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a)}));
                hair.setAttribute("transform", `translate(${nearest[0].point[0] + 9} 0)`);
                reading.textContent = nearest.map(({name, point}) => `${name}: ${point[2]} at ${point[1]}`).join(" · ");
            });
            drawing.addEventListener("pointerleave", () => {
                hair.removeAttribute("transform");
                reading.textContent = "";
            });
        }
        })();
        """#
}
