"""The steganography switch of horse <-> zebra: the fake is disturbed a little before the way back, and what was hidden in it is lost."""
import gradio as gr

from demos import page
from models.steganography import Return, curve, honest, way_back
from models.translation import difference

WORDS = """### Is the horse hidden in the zebra?
The cycle asks for the very same horse back, and a zebra does not tell whether it was a bay or a grey. Networks that nevertheless manage have **written the horse into
the zebra**, in changes too faint to see (Chu, Zhmoginov & Sandler 2017). Disturb the zebra by as little as a screenshot would, and look at the way back. *Predict first:
which of the three harms the picture least to your eye, and the way back most?*"""
BEFORE = "Translate a picture first: its translation is then disturbed here."
WIDE, HIGH, LEFT, LOW = 560, 286, 46, 60  # of the drawing, and the room for its scales


# -- pure functions ----------------------------------------------------------------------------------------------------

def sentence(back: Return) -> str:
    """What the disturbance cost, and whether the way back made it louder."""
    lines = [f"**PSNR of the way back {back.psnr:.1f} dB**; undisturbed it was {back.undisturbed:.1f} dB."]
    if back.noise > 0.005:
        times = back.moved / back.noise
        verdict = ("the way back makes it louder: it was reading something faint" if times > 1.1 else
                   "about as much as it was: nothing fainter than that was being read" if times > 0.6 else "the way back smooths it: little was hidden here")
        lines.append(f"The translation was disturbed by {back.noise:.1f} of 255 grey levels (root mean square), and what came back moved by {back.moved:.1f}, "
                     f"{times:.1f} times that: {verdict}.")
    return " ".join(lines)


def drawing(points: list[tuple[float, float]]) -> str:
    """SVG of PSNR (dB) over sigma, in the colours of the page; dashed what honest noise would cost: `points` as `models.steganography.curve` gives them."""
    straight = [(sigma, honest(points[0][1], sigma)) for sigma, _ in points]
    values = [value for _, value in points + straight]
    bottom, top = 5 * (min(values) // 5), 5 * (max(values) // 5 + 1)
    x = {sigma: LEFT + 14 + i * (WIDE - LEFT - 40) / max(1, len(points) - 1) for i, (sigma, _) in enumerate(points)}
    y = lambda value: 12 + (HIGH - LOW - 24) * (top - value) / (top - bottom)
    line = lambda values: " ".join(f"{x[sigma]:.1f},{y(value):.1f}" for sigma, value in values)
    parts = [f'<text x="{x[sigma]:.1f}" y="{HIGH - 34}" text-anchor="middle">{sigma:g}</text>' for sigma in x]
    for value in range(int(bottom), int(top) + 1, 5):
        parts.append(f'<line x1="{LEFT}" x2="{WIDE - 8}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="hh-grid"/>'
                     f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    parts.append(f'<polyline points="{line(straight)}" class="hh-honest"/><polyline points="{line(points)}" class="hh-curve"/>')
    parts += [f'<circle cx="{x[sigma]:.1f}" cy="{y(value):.1f}" r="4"><title>sigma {sigma:g}: {value:.1f} dB</title></circle>' for sigma, value in points]
    told = ", ".join(f"{value:.1f} at {sigma:g}" for sigma, value in points)
    return (f'<figure class="hh"><svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="PSNR of the way back in dB by the noise: {told}">{"".join(parts)}'
            f'<text x="{(WIDE + LEFT) / 2}" y="{HIGH - 6}" text-anchor="middle">noise: sigma in grey levels of 255</text>'
            '</svg><figcaption><i class="hh-key"></i> PSNR of the way back in dB <i class="hh-key hh-dashed"></i> if it only handed the noise on: '
            'a curve that falls faster was reading what you cannot see</figcaption></figure>')


STYLE = """<style>
.hh {margin: 0; max-width: 620px; color: var(--body-text-color)}
.hh svg {width: 100%; height: auto; font-size: 13px} .hh text {fill: currentColor}
@media (max-width: 600px) {.hh svg {font-size: 19px}}
.hh-grid {stroke: currentColor; opacity: .18} .hh polyline {fill: none; stroke-width: 2.5; stroke: var(--color-accent)} .hh circle {fill: var(--color-accent)}
.hh .hh-honest {stroke: currentColor; stroke-dasharray: 5 5; opacity: .65; stroke-width: 1.5}
.hh figcaption {font-size: 13px; line-height: 1.5} .hh-key {display: inline-block; width: 22px; margin: 0 4px 4px 8px; border-top: 3px solid var(--color-accent)}
.hh-key.hh-dashed {border-top: 2px dashed currentColor}
</style>"""


# -- page --------------------------------------------------------------------------------------------------------------

def build(done, network, shown_as, in_turn):
    """Lay out the section. `done` is the state with the last Translation or None, `network()` the CycleGAN or its ValueError, `shown_as` makes a picture
    component, `in_turn` the arguments of events that compute."""
    gr.Markdown(WORDS)
    with gr.Row():
        with gr.Column(min_width=280):
            sigma = gr.Slider(0, 32, 8, step=0.5, label="Noise: sigma, in grey levels of 255")
            quality = gr.Slider(10, 100, 100, step=1, label="JPEG: quality (100: not saved as JPEG)")
            blur = gr.Slider(0, 3, 0, step=0.1, label="Blur: standard deviation in pixels")
            look = gr.Button("Disturb it, and go back")
            many = gr.Button("Draw the curve: seven strengths of noise")
        with gr.Column(min_width=280, scale=2):
            with gr.Row():
                sent = shown_as(label="Disturbed", alt_text="The translation, disturbed")
                rec = shown_as(label="And back again", alt_text="The disturbed translation translated back")
                off = shown_as(label="Lost, × 8", alt_text="Eight times the difference between the start and the end of the disturbed cycle")
            told = gr.Markdown(BEFORE)
            drawn = gr.HTML(STYLE, padding=False)

    # -- events --------------------------------------------------------------------------------------------------------

    def translated(done):
        if done is None:
            raise ValueError(BEFORE)
        return done

    @page.GPU(duration=15)
    @page.plainly
    def disturbed(done, sigma, quality, blur):
        back = way_back(network(), translated(done), sigma, int(quality), blur)
        pictures = (back.sent, back.rec, difference(back.rec, done.real))
        return *(page.kept(f"{name}.png", lambda file, one=one: one.save(file, compress_level=1)) for name, one in zip(("disturbed", "back", "difference"), pictures)), sentence(back)

    @page.GPU(duration=30)
    @page.plainly
    def many_strengths(done):
        return STYLE + drawing(curve(network(), translated(done)))

    gr.on([look.click, sigma.release, quality.release, blur.release], disturbed, [done, sigma, quality, blur], [sent, rec, off, told],
          trigger_mode="always_last", api_visibility="private", **in_turn)
    many.click(many_strengths, done, drawn, api_visibility="private", **in_turn)
    done.change(lambda: (None, None, None, "Ready: move a slider, or press the button.", STYLE), None, [sent, rec, off, told, drawn],
                queue=False, show_progress="hidden", api_visibility="private")
