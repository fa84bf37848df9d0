// The operations that cost time, for engine.js. `make wasm` remakes engine.wasm; what each does stands in ops.js too.
#define EXPORT(name) __attribute__((export_name(#name))) void name
#define LANES 8  // output channels computed at once
#define TILE 4   // pixels computed at once

typedef float four __attribute__((vector_size(16)));
typedef float unaligned __attribute__((vector_size(16), aligned(4)));

static inline four load(const float *x) { return *(const unaligned *)x; }

// Convolution of k x k: x [n, H+k-1, W+k-1, C] with a border of zeros -> y [n, H, W, D], plus bias, plus `add` where it
// is not null. w: [D/8, k, k, C, 8], D rounded up, and so is the bias.
EXPORT(conv)(const float *x, const float *w, const float *bias, const float *add, float *y,
             int n, int H, int W, int C, int D, int k) {
    int wide = W + k - 1, pixels = H * W;
    for (int image = 0; image < n; image++, x += (H + k - 1) * wide * C, y += pixels * D, add += add ? pixels * D : 0)
        for (int d = 0; d < D; d += LANES)
            for (int first = 0; first < pixels; first += TILE) {
                const float *in[TILE], *row = w + d * k * k * C;
                four sum[TILE][2];
                for (int i = 0; i < TILE; i++) {
                    int pixel = first + i < pixels ? first + i : pixels - 1;
                    in[i] = x + (pixel / W * wide + pixel % W) * C;
                    sum[i][0] = load(bias + d), sum[i][1] = load(bias + d + 4);
                }
                for (int tap = 0; tap < k * k; tap++) {
                    int offset = (tap / k * wide + tap % k) * C;
                    for (int c = offset; c < offset + C; c++, row += LANES) {
                        four left = load(row), right = load(row + 4);
                        for (int i = 0; i < TILE; i++) {
                            float value = in[i][c];
                            sum[i][0] += left * value, sum[i][1] += right * value;
                        }
                    }
                }
                for (int i = 0; i < TILE; i++) {
                    union { four half[2]; float channel[LANES]; } found = {{sum[i][0], sum[i][1]}};
                    int at = (first + i) * D + d, channels = first + i < pixels ? D - d : 0;
                    for (int c = 0; c < LANES && c < channels; c++) y[at + c] = found.channel[c] + (add ? add[at + c] : 0);
                }
            }
}

// Sums over the pixels of x [n, pixels, C] and of its squares -> sums [n, 2, C].
EXPORT(moments)(const float *restrict x, float *restrict sums, int n, int pixels, int C) {
    for (int image = 0; image < n; image++, sums += 2 * C) {
        for (int c = 0; c < 2 * C; c++) sums[c] = 0;
        for (int pixel = 0; pixel < pixels; pixel++, x += C)
            for (int c = 0; c < C; c++) sums[c] += x[c], sums[C + c] += x[c] * x[c];
    }
}

// x / (1 + e^-x), with e^z = 2^i e^r and the minimax polynomial of Cephes' expf.
static inline float silu(float x) {
    float z = -x < 87 ? (-x > -87 ? -x : -87) : 87, i = __builtin_floorf(z * 1.44269504f + 0.5f);
    float r = z - i * 0.693359375f + i * 2.12194440e-4f;
    float p = ((((1.9875691500e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r
               + 1.6666665459e-1f) * r + 5.0000001201e-1f;
    union { int bits; float value; } power = {.bits = ((int)i + 127) << 23};
    return x / (1 + (p * r * r + r + 1) * power.value);
}

// silu(gain x + shift), in a border of zeros: x [n, H, W, C] -> y [n, H + 2 pad, W + 2 pad, C]; gain, shift: [n, C].
EXPORT(activate)(const float *restrict x, const float *restrict gain, const float *restrict shift, float *restrict y,
                 int n, int H, int W, int C, int pad) {
    int wide = (W + 2 * pad) * C;
    for (int image = 0; image < n; image++, gain += C, shift += C) {
        for (int i = 0; i < pad * wide; i++) *y++ = 0;
        for (int row = 0; row < H; row++) {
            for (int i = 0; i < pad * C; i++) *y++ = 0;
            for (int column = 0; column < W; column++, x += C, y += C)
                for (int c = 0; c < C; c++) y[c] = silu(gain[c] * x[c] + shift[c]);
            for (int i = 0; i < pad * C; i++) *y++ = 0;
        }
        for (int i = 0; i < pad * wide; i++) *y++ = 0;
    }
}
