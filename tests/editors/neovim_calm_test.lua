-- The defaults in Neovim: calm and legible colors, a legend, the numbers of a word, keys: nvim --clean --headless -l FILE FOVEA
--
-- The file is one session: the tests run in order.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

-- A new state folder, so that no hint has been shown yet.
local state = vim.fn.tempname()
vim.env.XDG_STATE_HOME = state

local config_file = begin({ settings = { heat = { preset = 'quiet' } } })

test('the first start shows one hint, and later ones show none', function()
  local function hints()
    return #vim.tbl_filter(function(notice)
      return notice:find(':Fovea legend', 1, true) and notice:find(':h fovea', 1, true)
    end, notices)
  end
  wait('the hint', function()
    return hints() == 1
  end)
  assert(vim.uv.fs_stat(vim.fn.stdpath('state') .. '/fovea/hinted'), 'no file records that the hint was shown')
  -- Another file and another server are like another start.
  complete(open('src/settings.rs'))
  vim.cmd.FoveaRestart()
  record(wait('a client', client))
  vim.cmd.buffer(config_file)
  vim.wait(300)
  equal(hints(), 1, 'hints')
end)

-- WCAG's contrast, computed independently of the code under test.
local function luminance(color)
  local sum = 0
  for shift, weight in pairs({ [16] = 0.2126, [8] = 0.7152, [0] = 0.0722 }) do
    local value = bit.band(bit.rshift(color, shift), 255) / 255
    sum = sum + weight * (value <= 0.03928 and value / 12.92 or ((value + 0.055) / 1.055) ^ 2.4)
  end
  return sum
end

local function contrast(a, b)
  local light, dark = math.max(luminance(a), luminance(b)), math.min(luminance(a), luminance(b))
  return (light + 0.05) / (dark + 0.05)
end

local syntax_groups = {
  'Normal', 'Comment', 'Constant', 'String', 'Character', 'Number', 'Boolean', 'Float', 'Identifier', 'Function', 'Statement',
  'Conditional', 'Repeat', 'Label', 'Operator', 'Keyword', 'Exception', 'PreProc', 'Include', 'Define', 'Macro', 'Type', 'StorageClass',
  'Structure', 'Typedef', 'Special', 'SpecialChar', 'Tag', 'Delimiter', 'SpecialComment', 'Title', '@variable', '@property', '@comment',
  '@string.documentation', '@function.builtin', '@constant.builtin', '@markup.heading',
}

local function group(name)
  return vim.api.nvim_get_hl(0, { name = name, link = false })
end

--- Calls `body` with every bundled color scheme, dark and light.
local function with_each_scheme(body)
  local before, background = vim.g.colors_name or 'default', vim.o.background
  local count = 0
  for _, scheme in ipairs(vim.fn.getcompletion('', 'color')) do
    for _, wanted in ipairs({ 'dark', 'light' }) do
      vim.o.background = wanted
      vim.cmd.colorscheme(scheme)
      -- Some have only one of the two.
      if vim.o.background == wanted then
        count = count + 1
        body(('%s, %s'):format(scheme, wanted))
      end
    end
  end
  vim.o.background = background
  vim.cmd.colorscheme(before)
  assert(count >= 20, 'too few color schemes: ' .. count)
end

test('text on heat has a contrast of at least 4.5 in every bundled color scheme, comments too', function()
  local colors = require('fovea.colors')
  local bad, weak = {}, 0
  ---@type table<string, { ratio: number, scheme: string, count: integer }>
  local least = {}
  with_each_scheme(function(scheme)
    local known = least[vim.o.background] or { ratio = 21, scheme = '', count = 0 }
    least[vim.o.background] = known
    known.count = known.count + 1
    for _, name in ipairs(syntax_groups) do
      for level = 1, 12 do
        local is_weak = colors.is_weak(name, colors.group(level))
        weak = weak + (is_weak and 1 or 0)
        local tone = group(colors.group(level, is_weak))
        local own = group(name)
        local normal = group('Normal').fg or (vim.o.background == 'dark' and 0xe0e0e0 or 0x202020)
        local text = tone.fg or (own.reverse and own.bg or own.fg) or normal
        local ratio = contrast(text, assert(tone.bg, 'no background'))
        if ratio < known.ratio then
          known.ratio, known.scheme = ratio, scheme
        end
        if ratio < 4.5 then
          table.insert(bad, ('%s: %s at level %d has %.2f'):format(scheme, name, level, ratio))
        end
      end
    end
    for _, name in ipairs({ 'FoveaDrawsWeak', 'FoveaDrawsMiddle', 'FoveaDrawsStrong', 'FoveaFocus', 'FoveaAnswerText', 'FoveaAnswerWord' }) do
      local drawn = group(name)
      if contrast(drawn.fg, drawn.bg) < 4.5 then
        table.insert(bad, ('%s: %s'):format(scheme, name))
      end
    end
  end)
  equal(bad, {}, 'illegible text')
  for _, found in pairs(least) do
    io.stdout:write(('        least contrast of %d schemes: %s %.2f\n'):format(found.count, found.scheme, found.ratio))
  end
  assert(weak > 0, 'no scheme has a color that needs correction, so this test does not cover those')
end)

test('no color of Fovea is red, the tones differ, and none has an underline that would hide underscores', function()
  with_each_scheme(function(scheme)
    local before
    for tone = 1, 3 do
      local found = group('FoveaHeat' .. tone)
      local red, green, blue = bit.rshift(found.bg, 16), bit.band(bit.rshift(found.bg, 8), 255), bit.band(found.bg, 255)
      local ground = group('Normal').bg or (vim.o.background == 'dark' and 0x101010 or 0xffffff)
      -- Relative to the theme's background, the tint is not redder.
      local tint = (red - bit.rshift(ground, 16)) - math.max(green - bit.band(bit.rshift(ground, 8), 255), blue - bit.band(ground, 255))
      assert(tint <= 0, ('%s: tone %d is reddish: #%06x on #%06x'):format(scheme, tone, found.bg, ground))
      assert(found.bg ~= ground, ('%s: tone %d is invisible'):format(scheme, tone))
      before = found.bg
    end
    assert(before ~= group('FoveaHeat1').bg, scheme .. ': the tones are the same')
    for name in pairs(vim.api.nvim_get_hl(0, {})) do
      if name:find('^Fovea') and name ~= 'FoveaUnread' then
        local found = group(name)
        local line = found.underline or found.undercurl or found.underdotted or found.underdashed or found.underdouble
        assert(not line, ('%s: %s is underlined'):format(scheme, name))
      end
    end
  end)
end)

test('a word of a comment takes the color of text where the theme\'s comments are too faint for a tone', function()
  vim.o.background = 'dark'
  vim.cmd.colorscheme('habamax')
  vim.cmd('syntax on')
  vim.bo.syntax = 'rust'
  local is_weak = require('fovea.colors').is_weak
  assert(is_weak('Comment', 'FoveaHeat1') and not is_weak('Function', 'FoveaHeat2'), 'this test needs another theme')
  configure({ settings = { heat = { preset = 'full' } } })
  local message = wait('heat in comments', function()
    local row = find(config_file, 'The scalar product')
    return #heat(config_file) > 60 and vim.iter(heat(config_file)):any(function(mark)
      return mark.row == row
    end) and complete(config_file)
  end)
  check_drawn(config_file, message)
  local row, code = find(config_file, 'The scalar product'), find(config_file, 'fn dot_product')
  local seen = {}
  for _, mark in ipairs(heat(config_file)) do
    if mark.row == row then
      assert(mark.group:find('^FoveaHeatText'), mark.text .. ' has ' .. mark.group)
      assert(mark.priority > 125, 'semantic tokens would override the color')
      seen.comment = true
    elseif mark.row > code and not mark.group:find('Text') then
      seen.code = true
    end
  end
  equal(seen, { comment = true, code = true }, 'kinds of checked words')
  -- So do those of an answer, and code keeps its color there.
  local ask = require('fovea.ask')
  local range = { start = { line = row, character = 0 }, ['end'] = { line = code + 1, character = 0 } }
  ask.mark({ uri = vim.uri_from_bufnr(config_file), range = range, words = {} }, 'utf-8')
  local recolored = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(config_file, ask.namespace, 0, -1, { details = true })) do
    if mark[4].hl_group == 'FoveaAnswerText' then
      recolored[vim.api.nvim_buf_get_text(config_file, mark[2], mark[3], mark[4].end_row, mark[4].end_col, {})[1]] = true
    end
  end
  for _, word in ipairs({ '///', 'scalar', 'product', 'length' }) do
    assert(recolored[word], word .. ' keeps its faint color')
  end
  assert(not recolored.dot_product, 'code has another color')
  ask.clear()
  -- With another theme, in which comments are legible, they keep their color at once.
  vim.cmd.colorscheme('default')
  for _, mark in ipairs(heat(config_file)) do
    assert(mark.row ~= row or not mark.group:find('Text'), mark.text .. ' has ' .. mark.group)
  end
  configure({ settings = { heat = { preset = 'quiet' } } })
end)

test(':Fovea heat quiet, full and off change the heat, and without an argument it shows the preset', function()
  local function words()
    return #heat(config_file)
  end
  vim.cmd.Fovea({ args = { 'heat', 'full' } })
  wait('many words', function()
    return words() > 60
  end)
  local full = words()
  vim.cmd.Fovea({ args = { 'heat', 'quiet' } })
  wait('few words', function()
    return words() > 0 and words() < full / 3
  end)
  -- Few lines have a mark, and no mark is on a keyword or on punctuation.
  local rows, lines = {}, 0
  for _, line in ipairs(lines_of(config_file)) do
    lines = lines + (line:find('%S') and 1 or 0)
  end
  for _, mark in ipairs(heat(config_file)) do
    rows[mark.row] = true
    assert(mark.text:find('%w') and not vim.list_contains({ 'fn', 'let', 'mut', 'pub', 'use', 'for', 'if' }, mark.text), mark.text)
  end
  assert(vim.tbl_count(rows) <= 0.25 * lines, ('%d of %d lines are marked'):format(vim.tbl_count(rows), lines))
  local from = #notices + 1
  vim.cmd.Fovea('heat')
  assert(noticed(from):find('heat quiet', 1, true), noticed(from))
  vim.cmd.Fovea({ args = { 'heat', 'off' } })
  wait('no word', function()
    return words() == 0
  end)
  vim.cmd.Fovea({ args = { 'heat', 'loud' } })
  assert(notices[#notices]:find('choose quiet, full or off', 1, true), notices[#notices])
  vim.cmd.Fovea({ args = { 'heat', 'quiet' } })
  wait('words', function()
    return words() > 0
  end)
  equal(vim.fn.getcompletion('Fovea heat ', 'cmdline'), { 'full', 'off', 'quiet' }, 'completion')
end)

test(':Fovea legend shows each color with its meaning', function()
  vim.cmd.Fovea('legend')
  local window, text = float()
  local bufnr = vim.api.nvim_win_get_buf(window)
  for _, part in ipairs({ 'say most', 'draws on most', 'cannot read', ':Fovea heat quiet, full or off', ':h fovea', 'grs search' }) do
    assert(text:find(part, 1, true), part .. ' is missing in ' .. text)
  end
  local groups = vim.tbl_map(function(mark)
    return mark.group
  end, marks(bufnr, 'fovea_legend'))
  equal(groups, { 'FoveaHeat3', 'FoveaHeat2', 'FoveaDrawsStrong', 'FoveaDrawsWeak', 'FoveaUnread' }, 'colors')
  assert(vim.api.nvim_win_get_width(window) <= 76 and vim.api.nvim_win_get_height(window) <= 14, 'the float is large')
  equal(vim.api.nvim_get_current_buf(), config_file, 'the buffer of the cursor')
  close_floats()
end)

test(':Fovea why shows method, share, rank and residual of the word under the cursor', function()
  go(config_file, 'split_once')
  vim.cmd.Fovea('why')
  local text = float_text('the numbers')
  assert(text:find('^split_once · word %d+ of %d+ in function load_config'), text)
  for _, part in ipairs({ 'share +%d+%.%d %%', 'method +decomposition', 'residual +%d%.%de%-%d+', 'special tokens' }) do
    assert(text:find(part), part .. ' is missing in ' .. text)
  end
  -- The share equals the server's.
  local answer
  local params = { textDocument = { uri = vim.uri_from_bufnr(config_file) } }
  require('fovea.client').request(client(), 'fovea/explain', params, function(_, result)
    answer = result
  end, config_file)
  wait('the explanation', function()
    return answer
  end)
  for _, unit in ipairs(answer.units) do
    for _, word in ipairs(unit.words) do
      if word.text == 'split_once' then
        assert(text:find(('%.4f'):format(word.score), 1, true), text)
        assert(text:find(('word %d of'):format(word.rank), 1, true), text)
      end
    end
  end
  go(config_file, 'use std::fs')
  vim.api.nvim_win_set_cursor(0, { find(config_file, 'use std::collections'), 0 })
  local from = #notices + 1
  vim.cmd.Fovea('why')
  wait('a notice that there is no word', function()
    return noticed(from):find('no word', 1, true)
  end)
end)

test(':Fovea trust says in a sentence whether the marked words matter, and shows the curve', function()
  go(config_file, 'split_once')
  vim.cmd.Fovea('trust')
  local text = float_text('the verdict')
  assert(text:find('^Removing'), text)
  assert(text:find('How far the embedding turns', 1, true), text)
  assert(text:find('without %d+ words at random, mean of %d+ draws'), text)
  local turns = {}
  for turn in text:gmatch('(%d%.%d+) [^\n]-without the') do
    table.insert(turns, tonumber(turn))
  end
  assert(#turns >= 2 and turns[#turns] > turns[1], 'more deleted words turn the embedding further: ' .. text)
  close_floats()
end)

test('keys for search, similar and compare are mapped by default, and conflict with none of Neovim\'s', function()
  local builtin = {}
  -- A Neovim without Fovea.
  local plain = vim.fn.system({ vim.v.progpath, '--clean', '--headless', '+verbose map gr', '+qa' })
  for key in plain:gmatch('gr%a') do
    builtin[key] = true
  end
  assert(not modern or builtin.grn, 'Neovim 0.11 should have its own keys: ' .. plain)
  for _, one in ipairs(require('fovea.keys').all) do
    local map = vim.fn.maparg(one.key, 'n', false, true)
    equal(map.rhs, ('<Plug>(fovea-%s)'):format(one.name), one.key)
    equal(map.buffer, 1, 'the mapping should be local to the buffer: ' .. one.key)
    assert(not builtin[one.key], one.key .. ' is one of Neovim\'s')
  end
  local asked
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.ui.input = function(options)
    asked = options.prompt
  end
  vim.api.nvim_feedkeys('grs', 'mx', false)
  equal(asked, 'Search by meaning: ', 'prompt of grs')
  go(config_file, 'config.insert')
  picks.wanted = 'read_settings'
  vim.api.nvim_feedkeys('grm', 'mx', false)
  wait('the cursor on read_settings', function()
    return vim.fn.expand('<cword>') == 'read_settings'
  end)
  vim.cmd.buffer(config_file)
  go(config_file, 'config.insert')
  picks.wanted = 'read_settings'
  vim.api.nvim_feedkeys('grc', 'mx', false)
  wait('the comparison', function()
    return #vim.api.nvim_list_tabpages() == 2
  end)
  vim.api.nvim_feedkeys('q', 'mx', false)
  wait('the end of the comparison', function()
    return #vim.api.nvim_list_tabpages() == 1
  end)
  -- In Visual mode grc remembers the selection.
  local from = #notices + 1
  vim.api.nvim_feedkeys('Vjgrc', 'mx', false)
  assert(noticed(from):find('passage remembered', 1, true), noticed(from))
end)

test('the user\'s own keys have precedence, and `keys = false` maps none', function()
  local function keys_of(path)
    local bufnr = open(path)
    wait('the client', function()
      return vim.lsp.get_clients({ name = 'fovea', bufnr = bufnr })[1]
    end)
    vim.wait(50)
    return vim.tbl_map(function(one)
      return vim.fn.maparg(one.key, 'n')
    end, require('fovea.keys').all)
  end
  vim.keymap.set('n', '<F5>', '<Plug>(fovea-search)')
  vim.keymap.set('n', 'grm', 'mine')
  equal(keys_of('tools/preferences.py'), { '', 'mine', '<Plug>(fovea-compare)' }, 'keys beside the user\'s own')
  vim.keymap.del('n', '<F5>')
  vim.keymap.del('n', 'grm')
  configure({ keys = { search = '<F6>', similar = false } })
  vim.fn.writefile({ '# one', 'print(1)' }, 'tools/one.py')
  equal(keys_of('tools/one.py'), { '', '', '<Plug>(fovea-compare)' }, 'chosen keys')
  equal(vim.fn.maparg('<F6>', 'n'), '<Plug>(fovea-search)', 'the chosen key')
  configure({ keys = false })
  vim.fn.writefile({ '# two', 'print(2)' }, 'tools/two.py')
  equal(keys_of('tools/two.py'), { '', '', '' }, 'keys that are turned off')
  local from = #notices + 1
  configure({ keys = { find = 'x' } })
  assert(noticed(from):find('keys should be', 1, true), noticed(from))
  configure({ settings = { heat = { preset = 'quiet' } } })
  vim.cmd.buffer(config_file)
end)

test('buffers without a name are analyzed as separate documents, and keep their heat when they get a name', function()
  configure({ settings = { heat = { preset = 'full' } } })
  local text = vim.list_slice(lines_of(config_file), find(config_file, 'Reads the configuration') + 1)
  local function new(language)
    vim.cmd.enew()
    local bufnr = vim.api.nvim_get_current_buf()
    vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, text)
    if language then
      vim.bo[bufnr].filetype = language
    else
      vim.api.nvim_exec_autocmds('TextChanged', { buffer = bufnr })
    end
    return bufnr
  end
  local one, other, plain = new('rust'), new('rust'), new(nil)
  for _, bufnr in ipairs({ one, other, plain }) do
    wait('heat in a buffer without a name', function()
      return #heat(bufnr) > 0
    end)
    equal(vim.uri_from_bufnr(bufnr), ('untitled:Untitled-%d'):format(bufnr), 'URI')
    equal(vim.api.nvim_buf_get_name(bufnr), '', 'name')
  end
  -- They are separate documents: an edit of one does not change the other's heat.
  local before = heat(other)
  vim.api.nvim_buf_set_lines(one, 0, -1, false, { 'fn sign_cookie(key: &Key) { key.sign() }' })
  wait('other heat', function()
    local found = heat(one)
    return #found > 0 and found[1].row == 0
  end)
  equal(heat(other), before, 'heat of the other buffer')
  vim.cmd.buffer(one)
  go(one, 'sign_cookie')
  vim.lsp.buf.hover()
  assert(float_text('a hover'):find('sign_cookie', 1, true), 'no hover')
  vim.cmd('silent write src/named.rs')
  wait('a name', function()
    return vim.uri_from_bufnr(one):find('^file:.*named%.rs$')
  end)
  vim.api.nvim_buf_set_lines(one, 0, 0, false, { '/// Signs a cookie.' })
  wait('heat of the file, with its new line', function()
    local found = heat(one)
    return #found > 0 and found[1].row == 0 and found[1].text:find('^[%a/]')
  end)
  vim.bo[other].modified, vim.bo[plain].modified = false, false
  vim.cmd.buffer(config_file)
end)

test('no message contains a trace of Lua or vim.NIL', function()
  for _, command in ipairs({ 'FoveaStatus', 'FoveaMethod', 'FoveaPause', 'FoveaResume', 'FoveaUpdateIndex', 'Fovea nonsense' }) do
    vim.cmd(command)
  end
  vim.wait(300)
  local text = table.concat(notices, '\n') .. vim.fn.execute('messages')
  for _, part in ipairs({ 'vim.NIL', 'stack traceback', 'userdata', '.lua:%d' }) do
    assert(not text:find(part), text)
  end
  assert(text:find('there is no `:Fovea nonsense`', 1, true), text)
end)

finish()
