// The layout of loadtests/barcode.py in a page: 24 bits of number and a CRC-8, two rows of sixteen blocks over the top sixth.
globalThis.barcode = (() => {
  const COLUMNS = 16, ROWS = 2, BAND = 6, LIMIT = 1 << 24;
  const checksum = (number) => {
    let crc = 0xa5;
    for (const shift of [16, 8, 0]) {
      crc ^= (number >>> shift) & 0xff;
      for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x80 ? (crc << 1) ^ 0x07 : crc << 1) & 0xff;
    }
    return crc;
  };
  const block = (width, height, index) => {
    const high = Math.floor(height / BAND), row = Math.floor(index / COLUMNS), column = index % COLUMNS;
    return [
      Math.floor((column * width) / COLUMNS),
      Math.floor((row * high) / ROWS),
      Math.floor(((column + 1) * width) / COLUMNS),
      Math.floor(((row + 1) * high) / ROWS),
    ];
  };
  const bitOf = (number, index) =>
    index < 24 ? (number >>> (23 - index)) & 1 : (checksum(number) >>> (31 - index)) & 1;
  return {
    LIMIT,
    draw(context, width, height, number) {
      for (let index = 0; index < COLUMNS * ROWS; index += 1) {
        const [left, top, right, bottom] = block(width, height, index);
        context.fillStyle = bitOf(number, index) ? "#fff" : "#000";
        context.fillRect(left, top, right - left, bottom - top);
      }
    },
    /** From RGBA pixels of the whole picture; null where there is no code. */
    read({ data, width, height }) {
      let number = 0, crc = 0;
      for (let index = 0; index < COLUMNS * ROWS; index += 1) {
        const [left, top, right, bottom] = block(width, height, index);
        const x = Math.floor((left + right) / 2), y = Math.floor((top + bottom) / 2);
        let level = 0;
        for (const [dx, dy] of [[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]]) level += data[((y + dy) * width + x + dx) * 4 + 1];
        level /= 5;
        if (level > 96 && level < 160) return null;
        const bit = level >= 160 ? 1 : 0;
        if (index < 24) number = number * 2 + bit;
        else crc = crc * 2 + bit;
      }
      return checksum(number) === crc ? number : null;
    },
  };
})();
