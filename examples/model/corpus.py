"""The corpus: short stories and game-character lines from a generative grammar.

Every text is the result of a *derivation*: a planner draws the facts of a text
(who, where, what is wanted, what is in the way, who helps), and then each beat
of the plot is worded from templates in which

    [one|two|three]   is a choice, each alternative equally likely (nestable),
    {field}           is a fact of the text, so that names, pronouns and things
                      stay the same from the first sentence to the last;
    {Field}           is the same fact at the start of a sentence.

Every choice, of a fact or of a wording, goes through `Derivation.pick` or
`Derivation.chance`, which add up its surprisal.  The sum is the exact -log p of
the derivation.  Two derivations can give the same text, so its mean is an upper
bound on the entropy of the texts: the best possible model needs at most that
many nats.
"""

import math
import random
import re

# ---------------------------------------------------------------- the words

GIRLS = """Ada Alma Anna Anya Bella Clara Cora Daisy Edda Ella Elsa Emma Eva Fern Flora Freya Greta Hanna Hazel Ida
Ines Iris Ivy Jade Julia Kira Lara Lena Lily Lucy Luna Mara Maria Maud Mia Mira Nina Nora Olga Pearl Petra Rosa Ruby
Sara Selma Sophie Tess Tilda Tina Vera Willa Yara Zoe""".split()
BOYS = """Abel Adam Alec Anton Arlo Ben Bruno Carl Colin David Emil Eric Ezra Felix Finn Fred George Gus Hans Henry
Hugo Ivan Jack Jacob John Jonas Karl Lars Leo Luca Magnus Max Milo Ned Noah Oscar Otto Owen Paul Peter Robin Rolf
Sam Simon Sven Theo Tim Tom Victor Walter Will""".split()

# sort of character -> (kinds, words that go before a kind, homes)
SORTS = {
    "child": (
        ["child"],  # a girl or a boy
        "young little small quiet poor merry".split(),
        """in a small village|near the sea|in a busy town|in the village|in a house by the lake|in a tiny cottage|on a
        windy farm|with {his} [grandmother|grandfather|aunt|uncle] [in the hills|by the river|near the forest]""",
    ),
    "royal": (
        ["heir", "ruler"],  # a princess or a prince, a queen or a king
        "young proud wise lonely good gentle".split(),
        """in an old castle|in a palace of white stone|in a castle by the sea|in a tall tower|in a castle on a hill""",
    ),
    "worker": (
        """artist astronomer baker barber beekeeper blacksmith boatman bookseller captain carpenter clockmaker cobbler
        cook dancer doctor drummer farmer fiddler fisher gardener glassmaker goldsmith guard healer hermit hunter
        inventor juggler knight librarian ferryman merchant messenger miller miner minstrel painter pirate
        poet postman potter sailor scholar scribe shepherd shoemaker singer soldier stonemason tailor teacher thief
        traveller watchman weaver wizard woodcutter""".split(),
        "young old poor clever good tall".split(),
        """in a small village|in a stone tower|in a quiet valley|near the sea|on a green hill|at the edge of the
        forest|in a busy town|beside a wide river|in a tiny cottage|in a village by the sea|behind the old church|in a
        city of red roofs|high in the mountains|at the end of a long road|above a little shop|by the harbour""",
    ),
    "elder": (
        ["elder"],  # a woman or a man
        "old wise poor".split(),
        """in a small house|near a dark forest|in a hut by the river|at the edge of the village|in a tiny cottage|on a
        green hill|in a house full of books""",
    ),
    "animal": (
        """badger bear beaver cat crow deer dog donkey duck fox frog goat goose hare hedgehog hen horse kitten lamb
        lizard mole mouse otter owl parrot piglet pony puppy rabbit rat raven seal sheep snail sparrow squirrel swan
        toad tortoise turtle wolf""".split(),
        "young little old small grey hungry".split(),
        """under an old oak|in a dark forest|in a hollow tree|in a green meadow|beside a little stream|behind the
        mill|in a quiet garden|at the edge of a pond|in an old barn|on a snowy hill|under a bridge|in a warm den""",
    ),
    "creature": (
        "dragon dwarf elf fairy ghost giant gnome goblin monster robot scarecrow snowman troll unicorn".split(),
        "little young old friendly strange lonely".split(),
        """in a deep cave|in a ruined castle|on a lonely island|at the top of a mountain|in a dark forest|in an empty
        house|behind a waterfall|in an old workshop|on a small farm|in a misty valley|under a stone bridge""",
    ),
}
WEIGHTED_SORTS = "child child royal elder worker worker worker animal animal creature creature".split()
GENDERED = {
    "child": ("girl", "boy"), "elder": ("woman", "man"),
    "heir": ("princess", "prince"), "ruler": ("queen", "king"),
}
SCARY = "dragon giant wolf troll bear ghost lion ogre serpent witch monster griffin tiger spider".split()

TRAITS = {  # trait -> a deed that shows it
    "brave": "[was not afraid of the dark|always went first|never ran away]",
    "kind": "[shared every meal|helped every neighbour|never said a bad word]",
    "curious": "[asked questions all day|looked under every stone|wanted to know everything]",
    "shy": "[spoke very softly|hid when guests came|liked quiet places]",
    "clever": "[could solve any riddle|knew a hundred stories|always had a plan]",
    "lazy": "[slept until noon|never finished any work|liked a soft bed best]",
    "cheerful": "[sang all day long|laughed at every joke|danced in the rain]",
    "lonely": "[had nobody to talk to|ate supper alone|talked only to the moon]",
    "proud": "[never asked for help|wanted to win every game|never said sorry]",
    "patient": "[could wait for hours|never hurried|did one thing at a time]",
    "greedy": "[wanted more and more|counted every coin twice|never gave anything away]",
    "clumsy": "[dropped every cup|fell over every stone|broke three plates a day]",
    "honest": "[never told a lie|kept every promise|always told the truth]",
    "forgetful": "[forgot the days of the week|never remembered a name|lost something every day]",
    "careful": "[looked twice before each step|never broke anything|kept everything in order]",
}
PLACES = """forest cave river mountain market garden meadow swamp mill harbour castle well bridge beach orchard tower
lake valley library graveyard barn desert waterfall stable chapel field pond windmill quarry island temple
fountain vineyard lighthouse bakery school theatre square cliff hill stream palace inn ruin glade shore""".split()
THINGS = [  # nouns, words that go before them
    ("""key lantern ring bell crown compass coin sword cup clock pot chain shield spoon whistle horn needle lamp
    helmet bracelet medal anchor mirror kettle""",
     "golden silver copper rusty shiny heavy old tiny strange bright bent magic"),
    ("""hat scarf blanket glove cloak ribbon coat flag pillow sail bag sock apron carpet""",
     "red blue green yellow white black purple warm soft woollen striped silk"),
    ("""book map drum flute box boat kite basket violin chair wheel ladder spade bucket broom table doll toy ship bow
    stick puzzle paintbrush""",
     "wooden painted old little beautiful carved simple strange new small brown"),
    ("""pearl stone feather shell bottle letter candle flower seed egg gem button bead statue acorn picture""",
     "white black blue tiny smooth beautiful strange magic round perfect rare pale"),
]
FOODS = """bread|soup|honey cake|apple pie|cheese|porridge|plum jam|roast fish|berries|pancakes|warm milk|nuts|carrots|
plums|potatoes|cherries|stew|cream|pears|mushrooms|biscuits|gingerbread|noodles|dumplings|pumpkin soup|grapes|
chocolate|toast|chestnuts|blueberry pie|lentils|sweet corn"""
SKILLS = """swim|sing|paint|dance|juggle|skate|whistle|read|write poems|play the flute|play the drum|bake bread|fly a
kite|tell stories|catch fish|climb trees|do magic tricks|play chess|make candles|walk on a rope|ride a horse|sail a
boat|speak in public|carve wood"""
COLOURS = "red|blue|green|yellow|white|black|grey|brown|purple|orange".split("|")
JOBS = """sweep the yard|carry water|paint the fence|chop wood|pick apples|feed the hens|mend the roof|bake bread|
plant beans|wash the windows|guard the sheep|clean the stairs"""

TIMES = [  # when it happens, what it is like outside then
    ("""one [morning|day|afternoon]|one [cold|warm|grey|bright|quiet|windy] [morning|day|afternoon]|early one
     morning|on the first day of [spring|summer|autumn|winter]|on a [Monday|Friday|Sunday]|one day in
     [April|June|October|December]""",
     """the sun was shining|it was raining|the snow fell softly|a cold wind was blowing|thick fog lay over the
     land|dark clouds hung in the sky|the air smelled of flowers|the leaves were turning red|the birds were singing"""),
    ("""one [night|evening]|one [cold|warm|dark|quiet|windy] [night|evening]|late one night|one night in
     [spring|summer|autumn|winter]""",
     """the stars were bright|it was raining|the snow fell softly|a cold wind was blowing|the moon was full|it was very
     dark|an owl called in the distance|the whole world was asleep"""),
]

# ---------------------------------------------------------------- the stories

OPENINGS = [
    "Once upon a time, there [was|lived] {a_hero} [named|called] {name}. {He} lived {home}.",
    "[Once upon a time|Long ago|Many years ago|Once], {home}, there lived {a_hero} [named|called] {name}.",
    "{Home}, there [was|lived] {a_hero} [named|called] {name}.",
    "{name} was {a_hero} who lived {home}.",
    "{Full} lived {home}. {He} was very {trait}.",
    "There was once {a_hero} [whose name was {name}|named {name}]. {He} lived {home}.",
    "There was once {a_hero} who [wanted to see the world|had never seen the sea|loved old songs|could not sleep at "
    "night|talked to the stars|was never happy|had {a_thing}]. {His} name was {name}, and {he} lived {home}.",
    "There was once {a_hero} who {deed}. {His} name was {name}, and {he} lived {home}.",
    "The {kind} was {trait}. {His} name was {name}, and {he} lived {home}.",
    "The [{look} |]{kind} lived {home}. {His} name was {name}, and {he} {deed}.",
    "{A_look} {kind} lived {home}. {His} name was {name}[.|, and {he} was very {trait}.]",
    "{A_look} {kind} [called|named] {name} lived {home}.",
    "The [{look} |]{kind} [opened the door|looked out of the window|woke up|came home|stopped and listened|sat down on "
    "a stone|walked down the road|stood at the gate]. {Weather}. {name}, for that was {his} name, was {trait}.",
    "The [{look} |]{kind} {name} lived {home}. {He} was known to be {trait}.",
    '"[Good morning!|Hello!|Is anybody there?]" called {full}. Nobody answered, because {he} lived alone {home}.',
    "Everyone knew {name}, the {look} {kind} who lived {home}.",
    "This is the story of {name}, {a_hero} who lived {home}.",
    "Have you heard of {full}? {He} lived {home}, and {he} {deed}.",
    "Far away, {home}, lived {a_hero}. [{His} name was {name}|People called {him} {name}].",
]
OPENINGS_OF_I = [
    "My name is {me}, and I am {a_hero}. I live {home}.",
    "I am {myself}, and this is my story. I live {home}.",
    "When I was young, I lived {home}. [Everyone called me {me}|My name is {me}].",
    "I will never forget that day. My name is {me}, and I was {a_hero} then.",
    "People call me {me}. I am {a_hero}, and I live {home}.",
    "[Listen, I will tell you a story|This happened to me]. I was {a_hero} [called|named] {me}, and I lived {home}.",
]
TRAIT_LINES = [
    "{He} {deed}.",
    "Everyone [knew|said] that {he} {deed}.",
    "{name} {deed}, and [everybody liked {him} for it|people often spoke about it|that was just {his} way].",
    "{He} liked [{food}|the colour {colour}|music|long walks|old songs] more than anything.",
    "{He} always [wore a {colour} [hat|scarf|coat]|carried a {colour} bag].",
]
BAD = "[sad|worried|afraid|upset|unhappy]"
GOOD = "[happy|glad|proud|full of joy|very happy]"
SAID = "[said|answered|replied]"
MEETING = [
    "On the way, {name} met {a_friend} [named|called] {fname}.",
    "Near the {place}, {a_friend} [named|called] {fname} was [resting|waiting|sitting on a stone|eating {food}].",
    "Then {name} heard a voice. It was {fname}, {a_friend}.",
    "Just then, {ffull} came [along|down the road|around the corner].",
    "{name} [went|ran] to {his} friend {ffull}.",
]
CONCERN = [
    '"[Why are you so|Why do you look] ' + BAD + '?" asked {fname}.',
    '"What is [wrong|the matter], {me}?" asked {fname}.',
    '{fname} looked at {him} and asked, "[Can I help you|What happened|Where are you going]?"',
]
OFFER = [
    '"[Do not worry|Do not be afraid|Cheer up]," ' + SAID + " {fname}. "
    '"[I will help you|I will come with you|We will do it together|Two are better than one]."',
    '"[Then let us go|Let us try] together," ' + SAID + " {fname}.",
    '{fname} [smiled|nodded|thought for a while]. "I have [an idea|a plan]," {fhe} said.',
]
THANKS = [
    '"Thank you[, {fname}|, my friend|]," {name} said. '
    '"[I could not have done it alone|You are a true friend|I will never forget this]."',
    '{name} [hugged {fname}|took {fname} by the hand] and said, "Thank you [so much|for everything]!"',
    '"How can I thank you?" {name} asked. "[Come and eat with me|Just be my friend|A smile is enough]," '
    + SAID + " {fname}.",
]
ENDINGS = [
    "From that day on, {they} were [the best of friends|good friends|always together].",
    "That [night|evening], {they} [ate|shared] {food} and [laughed|sang|told stories] until "
    "[the moon rose|the fire went out|{they} fell asleep].",
    "{name} went home and slept [well|deeply|like a stone].",
    "And {name} never forgot [that day|what {he} had learned|what happened at the {place}].",
    "{name} had learned that {moral}.",
    "{name} had learned that {moral}.",
    "And {they} [lived happily ever after|were happy for many years].",
    '"[What a day|That was a good day]!" said {fname}, and {they} [smiled|laughed].',
]
PLOTS = {  # plot -> (beats, each a list of wordings, and its moral)
    "lost": ([
        ["{When}, {name} could not find {his} {thing}.", "{When}, {name} lost {his} {thing}.",
         "{name} had {a_thing} and loved it very much. But {when}, it was gone."],
        ["{name} looked [under the bed|in every room|behind the house|in every corner], but [it was not there|"
         "there was no {noun}].",
         "{name} searched [all day|for hours|everywhere] and found nothing. {He} was " + BAD + ".",
         '"[Where can it be|Who took my {noun}]?" {name} cried.'],
        MEETING, CONCERN,
        ['"I have lost my {noun}," {name} [said|answered].',
         '"My {noun} is gone," {name} [said|answered] [softly|sadly|with tears in {his} eyes].'],
        OFFER,
        ["{They} [walked|went|ran] to the {place} and looked [everywhere|behind every tree|under every stone].",
         "Together {they} followed the [tracks|path] to the {place}."],
        ["There, [in the grass|under a leaf|between two rocks|in a nest], lay the {noun}!",
         "At last {fname} saw something [small|strange] in the [grass|mud|leaves]. It was the {noun}!",
         "A [crow|magpie|monkey] had taken the {noun}, and it [gave it back|dropped it when it saw {them}]."],
        THANKS,
    ], "[a good friend is worth more than {a_thing}|it is no shame to ask for help|nothing is lost for ever]"),
    "monster": ([
        ["{When}, {name} went to the {place} [to find|to look for] {a_thing}.",
         "{When}, {name} heard that a {scary} lived near the {place}."],
        ["[Everyone was afraid of the {scary}|People said that the {scary} was dangerous] near the {place}, but {name} "
         "wanted to see it.",
         "The path was [long|dark|steep|narrow], and {weather}."],
        ["Suddenly, a [big|huge|terrible] {scary} [stood before {him}|came out of the {place}|blocked the way].",
         "There {he} saw the {scary}. It was [bigger than a house|as big as a tree|very big]."],
        ['"[Who are you|What do you want|Who dares to come here]?" [asked the {scary}|it asked in a deep voice].'],
        ['"I am {me}," {he} said. "[I want to be your friend.|I do not want to fight.|Why are you so sad?]"',
         '{name} was afraid, but {he} [stood still|did not run]. "I am {me}," {he} said. "[I brought you {food}.|'
         'Are you hungry?]"'],
        ['The {scary} began to [cry|weep|smile]. "Nobody [ever talks to me|ever asked me that|ever comes to see me]," '
         "it said.",
         'The {scary} [sat down|sighed]. "I am [so lonely|hungry|tired of being alone]," it said.'],
        ["{name} gave the {scary} some {food}, and they [talked|sat together] until [evening|the sun went down].",
         "{name} [told it a story|sang a song], and the {scary} [laughed|listened quietly]."],
        ["Before {name} left, the {scary} gave {him} {a_thing}.",
         "Then the {scary} carried {him} home on its back."],
        ['At home, {name} told {ffull} everything. "[I can hardly believe it|That was brave]," said {fname}.',
         'The next day, {ffull} came too. "[It is not scary at all|What a nice {scary}]!" said {fname}.'],
    ], "[not everything that looks scary is bad|a kind word can open any door|one must not judge by looks]"),
    "skill": ([
        ["{name} had one [great wish|dream]. {He} wanted to learn to {skill}.",
         "{When}, {name} saw {ffull}, who could {skill} [very well|better than anyone].",
         "{When}, {name} decided to learn to {skill}."],
        ["{name} tried [once|twice|three times], but it did not work.",
         "At first it was [hard|not easy], and {he} [failed|made many mistakes]."],
        ['"I will never learn to {skill}," {name} [said|cried].', '"This is too hard for me," {name} said.'],
        ["{Ffull} [saw it|heard {him}] and came [over|closer]."],
        ['"[Do not give up|Nobody can do it at first|It takes time]," said {fname}. '
         '"[Try again|I will show you|Practise a little every day]."'],
        ["So {name} practised [every day|every morning|day and night] near the {place}.",
         "[Day after day|Week after week], {name} practised with {fname}."],
        ["[Slowly|Little by little], {he} got better.",
         "Sometimes {he} wanted to stop, but {fname} [would not let {him}|always made {him} laugh]."],
        ["And then, one [day|morning], {name} could {skill}!",
         "[At last|In the end], {he} could {skill} [as well as {fname}|better than ever|without any help]!"],
        ['"[Look at me|I did it|I can do it]!" {name} [cried|shouted]. {fname} was ' + GOOD + ".",
         "Everyone [clapped|cheered], and {name} was " + GOOD + "."],
    ], "[practice makes all the difference|nobody is good at once|one must never give up]"),
    "storm": ([
        ["{When}, a [great|terrible] storm came over the {place}.",
         "{When}, [the wind grew strong|the sky turned black] and a storm began."],
        ["The [rain|wind] [beat against the windows|shook the houses], and the {place} was [dark|under water]."],
        ["{name} heard someone calling for help. It was {fname}, {a_friend}.",
         '"Help!" cried a voice. It was {ffull}, who [was stuck|had fallen] near the {place}.'],
        ["{name} was [afraid|tired|cold], but {he} took a [rope|lamp|long stick] and [ran out|went out into the "
         "storm].",
         "Without waiting, {name} [ran to the {place}|took a rope and ran]."],
        ['"Hold on, {fname}!" {name} [shouted|called]. "[I am coming|Do not let go]!"',
         '"[Do not be afraid|Give me your hand]," {name} said.'],
        ["{name} [pulled|pulled and pulled] until {fname} was [free|safe].",
         "Step by step, {they} [walked home|made {their} way to a dry place]."],
        ["{They} [sat by the fire|drank something warm] and waited. [Soon|In the morning], the storm was over."],
        ['"You saved [me|my life]," said {fname}. "[Anyone would have done it|You would do the same for me]," '
         "{name} " + SAID + "."],
    ], "[together we are strong|courage can be quiet|help comes to those who help]"),
    "gift": ([
        ["{When}, {name} remembered that it was {fname}'s birthday.",
         "It was the birthday of {fname}, {a_friend}, and {name} wanted to give {fhim} [something special|a present]."],
        ["But {name} had [no money|only one coin|nothing to give].",
         "{He} thought [for a long time|all night]. What would {fname} like?"],
        ["{name} went to the {place} and found {a_thing}.",
         "At the {place}, {name} saw {a_thing}. It was [perfect|just right]."],
        ["{He} cleaned it with care and wrapped it in [leaves|blue paper|a soft cloth].",
         "All night {he} worked on it, and in the morning it [looked like new|was ready]."],
        ["Then {he} [ran|went] to the house of {fname} and knocked.",
         "When {fname} opened the door, {name} [smiled|was a little shy]."],
        ['"Happy birthday!" {name} said. "[This is for you|I have something for you]."'],
        ['{fname} looked at it with [big|bright] eyes. "{A_noun}!" {fhe} [cried|said]. '
         '"[I always wanted one.|It is beautiful!|How did you know?]"'],
        ["{They} [ate|shared] {food}, and {name} was " + GOOD + "."],
    ], "[the best gifts come from the heart|giving is better than taking|small gifts can be great]"),
    "share": ([
        ["{When}, {name} was on {his} way to the {place} with [some|all {his}] {food}.",
         "{When}, {name} packed some {food} and set out for the {place}."],
        MEETING,
        ['"I am so hungry," said {fname}. "I have not eaten [all day|since yesterday]."',
         '"Please," said {fname}, "[I am very hungry.|can you give me something to eat?]"'],
        ["{name} was hungry too. There was [not much|only a little].", '"This is all I have," {name} thought.'],
        ['But {he} [smiled|sat down] and said, "[Here, take half|Let us share it|There is enough for two]."'],
        ["So {they} ate together, and [nothing had ever tasted so good|it was a fine meal]."],
        ['Then {fname} said, "You were good to me. [Take this {noun}|This {noun} is for you]."',
         "As thanks, {fname} gave {him} {a_thing}."],
        ["And [the {noun} brought {him} luck|whenever {name} looked at the {noun}, {he} smiled]."],
    ], "[sharing makes every meal taste better|kindness comes back|nobody is too poor to give]"),
    "noise": ([
        ["{When}, {name} heard a strange noise.", "{When}, a [loud|strange|soft] noise woke {him}."],
        ["It came from the {place}. [Knock, knock, knock|Tap, tap, tap|Whoo, whoo], it went."],
        ['"[What is that|Who is there]?" {name} [whispered|asked]. Nobody answered.',
         "{name} was afraid, but {he} [wanted to know|could not sleep]."],
        ["{He} [took {a_thing}|lit a lamp] and went to {ffull}."],
        ['"Did you hear [that|it too]?" {name} asked. "Yes," ' + SAID + " {fname}. "
         '"[Let us look together|Maybe it is a {scary}]."'],
        ["[Slowly|Quietly], {they} [went|walked] to the {place}.", "Hand in hand, {they} went to the {place}."],
        ["There, [behind a door|in the dark|behind a tree], sat [a tiny kitten|a baby owl|a little puppy|a wet "
         "duckling]. It was [hungry|cold|lost].",
         "It was only [the wind|an old door|a loose board]!"],
        ['{They} [looked at each other|laughed and laughed]. "And I thought it was a {scary}!" said {fname}.'],
    ], "[most fears are smaller in the light|it is good to look before you run|even a small noise has a story]"),
    "contest": ([
        ["{When}, there was a great [race|contest|game] at the {place}.",
         "{When}, a messenger came. There would be a great [race|contest] at the {place}."],
        ["The prize was {a_thing}.", "The winner would get {a_thing}."],
        ['"I will win the {noun}," {name} said. "[I am ready|Nobody can beat me|I have practised]."',
         "{name} wanted to win the {noun}."],
        ["But {ffull} was [faster|stronger|better] than anyone.",
         "{fname}, {a_friend}, wanted to win it too."],
        ["In the middle of it, {fname} fell and hurt {fhis} [foot|arm|knee].",
         'Suddenly {fname} stopped. "[I cannot go on|My foot hurts]," {fhe} said.'],
        ["{name} could have [won|gone on], but {he} [stopped|turned back] and helped {fhim}."],
        ["So {they} [came in last|reached the end together], but everyone [clapped|cheered].",
         "{They} did not win, but nobody was sad."],
        ['"You should have the {noun}," [said the judge|everyone said], and {name} got the prize after all.',
         '"You gave up the {noun} for me," said {fname}. "[A friend is the better prize|That does not matter]," {name} '
         "answered."],
    ], "[winning is not everything|a friend is the better prize|one should stop for those who fall]"),
    "illness": ([
        ["{When}, {ffull} was [ill|sick] and could not get up.",
         "{When}, {name} went to see {ffull}. But {fname} was ill and lay in bed."],
        ['"I feel [so cold|so weak|terrible]," said {fname}.', "{fname} [had a fever|coughed all day]."],
        ['"Only the [blue|white|yellow] flower from the {place} can help," said the old doctor.',
         '"There is a [white|blue|yellow] flower near the {place} that heals," {name} said. "I will get it."'],
        ["So {name} [set out at once|packed some {food} and left].", "{name} did not wait and ran to the {place}."],
        ["The way was [long|hard|steep], and {weather}.", "It was far, and {he} was soon tired."],
        ["A {scary} [guarded the flower|slept beside the flower], but {name} [waited until it slept|was very quiet].",
         "At last {he} found the flower [under a tree|between two stones|high on a rock]."],
        ["{He} [ran home|hurried back] and made tea from the flower.", "Back home, {he} made a soup with the flower."],
        ["{fname} drank it and [smiled|sat up]. The next day, {fhe} was [well again|healthy].",
         '"[I feel better|I am well again]!" {fname} said in the morning.'],
        ['"Thank you[, {me}|, my friend|]," said {fname}. "[You saved my life|I will never forget this]."',
         '"[How can I thank you|You did all this for me]?" asked {fname}. "[Just be my friend|A smile is enough]," '
         "{name} said."],
    ], "[one does everything for a friend|there is an herb for every illness|care is the best medicine]"),
    "treasure": ([
        ["{When}, {name} found an old map near the {place}.", "{When}, {name} bought an old map at the market."],
        ['On the map there was a red cross near the {otherplace}. "[A treasure|It must be a treasure]!" {name} '
         "[said|cried]."],
        ["{He} showed the map to {ffull}.", "{name} could not go alone, so {he} asked {ffull} for help."],
        OFFER,
        ["{They} walked [all day|for hours|for three days] until {they} reached the {otherplace}.",
         "The next morning, {they} set out for the {otherplace}."],
        ["There {they} [dug|searched] [for hours|all day|until it was dark].",
         "{They} [dug and dug|looked under every stone], and then {fname} [called|shouted] from the other side."],
        ["It was [an old chest|a small box|an iron chest]. Inside lay {a_thing} and a letter.",
         "In the ground was a chest, and in the chest was {a_thing}."],
        ['"[Is that all|No gold]?" asked {fname}. "It is [beautiful|enough]," {name} said.',
         "{They} looked at the {noun} and [laughed|smiled]."],
        ["{They} kept the {noun} [for ever|in a safe place] and [told the story|thought of the journey] often.",
         "{They} gave the {noun} to the [poor|museum|old queen], and everyone was glad."],
    ], "[the way is often better than the treasure|not every treasure is made of gold|friends are the real treasure]"),
    "repair": ([
        ["{When}, {name} damaged {fname}'s {thing}.",
         "{When}, {name} played with {fname}'s {thing} and damaged it."],
        ["{fname} was {a_friend} and [loved the {noun} very much|needed the {noun} every day]."],
        ['Nobody had seen it. "[I could say nothing|I could hide it]," {name} thought.',
         "{name} was " + BAD + " and hid the {noun} [in a box|under the bed|behind a door]."],
        ["But {he} [could not sleep|could not eat|felt bad all day].", "The whole night {he} thought about it."],
        ["So {he} went to {fname} and [told {fhim} everything|told the truth].",
         'In the morning, {he} went to {fname}. "I damaged your {noun}," {he} said. "I am sorry."'],
        ['{fname} was [quiet|silent] for a while. Then {fhe} said, "[Thank you for telling me|It was brave to tell '
         'me]."',
         '"[I am not angry|It can be mended]," ' + SAID + ' {fname}. "[Come, help me|We can mend it together]."'],
        ["{They} worked [all afternoon|until evening], and slowly the {noun} looked better.",
         "With [great care|much patience|a little luck], {they} mended the {noun}."],
        ["In the end, the {noun} was [as good as new|more beautiful than before]."],
    ], "[the truth is the best way out|broken things can be mended|it is brave to say sorry]"),
    "door": ([
        ["{When}, {name} found a small [green|blue|red|hidden] door near the {place}.",
         "There was a door near the {place} that nobody had ever opened. {When}, {name} stood before it."],
        ['It was locked. "[Where is the key|Who has the key]?" {name} asked.',
         "{name} knocked, but nobody answered."],
        ['"I know this door," said {ffull}. "[Only a song can open it|You have to say please|Only a friend '
         'can open it]."',
         "{name} told {ffull} about it, and {they} went back together."],
        ["{They} [sang a song|said a kind word|knocked together], and slowly the door opened.",
         "{fname} had an old key, and it fitted. The door opened."],
        ["Behind it was [a garden full of flowers|a room full of books|a staircase|a long hall with a hundred candles|"
         "a silver lake]."],
        ['"[I have waited for you|Welcome]," said [an old woman|an old man|a tiny fairy] with a smile.',
         "{They} [looked around|did not say a word]. It was [so quiet|like a dream]."],
        ["{name} took [nothing|only one flower|a single leaf] and closed the door again.",
         "On the floor lay {a_thing}. {name} picked it up and took it home."],
        ["The next day, the door was gone.", "{They} [never told anyone|came back every summer]."],
    ], "[some doors open only for two|one should always ask politely|there are wonders close to home]"),
    "work": ([
        ["{When}, {name} had no money left and looked for work.",
         "{name} wanted to buy {a_thing}, but {he} had no money."],
        ['{He} asked {ffull}. "You can {job}," said {fname}. "I will pay you [three|five|ten] coins."',
         '{Ffull} said, "I need someone to {job}. Can you do it?"'],
        ['"[Of course|Yes|Gladly]," {name} said, and [started at once|took off {his} coat].',
         '"I have never done that," {name} said, "but I will try."'],
        ["It was [hard|heavy] work, and {weather}.", "{He} worked from [morning to evening|early to late]."],
        ["Once {name} wanted to give up, but {he} [thought of the {noun}|sang a little song] and went on.",
         "After [an hour|two hours], {his} [back|arms] hurt, but {he} did not stop."],
        ['In the evening, {fname} looked at everything. "[Well done|That is good work]!" {fhe} said.',
         "When it was done, {fname} [nodded|smiled]. {Fhe} had never seen such good work."],
        ["{name} got {his} coins and [ran to the market|went to the {place}].",
         "{fname} gave {him} the coins and {a_thing} as well."],
        ["{name} was " + GOOD + " and held the {noun} [tight|up to the light].",
         "Now the {noun} was {his} own, and {he} had earned it."],
    ], "[good work is worth its pay|what one has earned is dear|every task has an end]"),
}

# ---------------------------------------------------------------- the talks

ROLES = {  # role -> what the character sells, says about the work, and where that is
    "Innkeeper": ("a room|a hot supper|a mug of cider|a bed", "I have kept this inn for [ten|twenty] years", "inn"),
    "Blacksmith": ("a sword|a shield|a helmet|a good axe|a dagger|a hammer", "My forge never gets cold", "forge"),
    "Guard": ("a spear|an old helmet|a torch|a lantern", "I watch this gate day and night", "gate"),
    "Merchant": ("a bag of spices|a silver ring|a lamp|a map|a rope", "I have seen [five|seven|nine] kingdoms", "shop"),
    "Witch": ("a healing potion|a love potion|a black candle|a charm", "I gather herbs under the moon", "hut"),
    "Wizard": ("a spell book|a fire scroll|a crystal|a magic wand", "I study the stars every night", "tower"),
    "Farmer": ("a basket of eggs|a sack of corn|a mule|a cheese", "The harvest was [good|bad|late] this year", "farm"),
    "Fisherman": ("a fresh fish|a net|a small boat|a hook", "The sea gives and the sea takes", "harbour"),
    "Healer": ("a bandage|a healing potion|a bitter tea|a salve", "I care for the sick", "temple"),
    "Baker": ("a loaf of bread|a honey cake|an apple pie|a meat pie", "I get up long before the sun", "bakery"),
    "Librarian": ("a book of legends|an old map|a bottle of ink", "I know every book in this hall", "library"),
    "Captain": ("a trip to the islands|a barrel of rum|a compass", "My ship has seen every sea", "ship"),
    "Hunter": ("a bow|a quiver of arrows|a wolf skin|a trap", "I know every path in the forest", "camp"),
    "Miner": ("a pickaxe|a raw gem|a lump of iron|a lamp", "I dig for [gold|silver|iron] under the mountain", "mine"),
    "Bard": ("a song|a lute|a love poem|a drum", "I sing of heroes and kings", "tavern"),
    "Queen": ("a royal letter|a title|a seat at my table", "I rule this land with care", "palace"),
    "King": ("a royal letter|a title|a piece of land", "My father was king before me", "palace"),
    "Monk": ("a blessed candle|a jar of honey|a prayer book", "I pray and work in the garden", "abbey"),
    "Tailor": ("a cloak|a warm coat|a pair of gloves|a fine hat", "I sew for rich and poor", "shop"),
    "Shepherd": ("a ball of wool|a warm blanket|a lamb", "I count my sheep every evening", "hut"),
    "Alchemist": ("a healing potion|a flask of acid|a sleeping powder", "I have not yet made gold", "workshop"),
    "Soldier": ("an old shield|a dagger|a pair of boots", "I fought in [two|three] wars", "camp"),
    "Ferryman": ("a ride across the river|an oar|a rope", "I bring everyone to the other side", "river"),
    "Elf": ("a bow|a silver leaf|an elven cloak", "I have lived for [three|five] hundred years", "forest"),
    "Dwarf": ("an axe|a helmet|a mug of ale|a ruby", "My people live under the mountain", "hall"),
    "Stable boy": ("a horse|a saddle|a bag of oats", "I look after the horses", "stable"),
    "Gardener": ("a rose|a bag of seeds|a spade", "I plant and water and wait", "garden"),
}
WOMEN, MEN = ("witch", "queen"), ("king", "fisherman", "monk", "stable boy", "ferryman")
STERN = ("Guard", "Soldier", "Captain", "Elf", "Dwarf")
PLAYERS = """Traveller Hero Stranger Knight Adventurer Player Wanderer Prince Princess Squire Pilgrim Thief
Messenger""".split()
MONSTERS = """dragon|pack of wolves|gang of thieves|troll|giant spider|ghost|band of goblins|witch|bear|sea serpent|
skeleton|ogre|werewolf|black knight|griffin"""
PLAYER_GREETINGS = [
    "[Hello|Good day|Good morning|Good evening|Greetings][, {title}|]!", "[Hello there|Hey|Excuse me], {title}.",
    "[May I come in|Do you have a moment|Is anybody here]?",
]
WARM_GREETINGS = [
    "[Welcome|Greetings|Well met|Hello|Good day], [traveller|stranger|friend]! "
    "[What can I do for you|How can I help you|What brings you here|What do you need]?",
    "[Ah, a new face|Ah, a visitor|Ah, a customer|Oh, hello]! Welcome to {here}. "
    "[What can I do for you?|Sit down and rest.]",
    "Welcome! [You look tired. Sit down and rest.|Come in, come in.|What can I do for you?|It is good to see you.]",
    "Come in[, come in|, traveller|]! [You look cold.|I was just thinking of you.|What do you need?]",
]
STERN_GREETINGS = [  # challenge, answer, verdict
    ("[Halt! Who goes there?|Stop! Who are you?|Stop right there! What is your name?|Who goes there?]",
     "[A friend|Only a traveller|Nobody you know]. [I come from the {place}|I mean no harm|My name is {pname}].",
     "[Very well|All right], you may pass. [What do you need?|But make no trouble.|What brings you here?]"),
    ("[Halt|Stop]! [Nobody may pass|The gate is closed|What do you want here]!",
     "[Please let me in. I come from the {place}|I bring a letter for the queen|I am {pname}, and I mean no harm].",
     "[I see. Then come in.|Hm. You do not look dangerous. Come in.|Good. But I will keep an eye on you.]"),
]
TOPICS = {  # topic -> [(question, answer)], [(follow-up, its answer)]
    "quest": ([
        ("[Do you have any work for me|Do you need help|Is there a quest for me]?",
         "[Yes, there is|Indeed]. A {monster} [lives|hides] near the {place}. [Kill it|Drive it away], and I will "
         "[pay|give] you {n} [gold|silver] coins."),
        ("[I am looking for work|I need some coins|I am looking for adventure].",
         "Someone stole my {thing} and took it to the {place}. [Bring it back|Find it], and you will get {n} "
         "[gold|silver] coins."),
    ], [
        ("[I will do it|I accept|You can count on me].", "[Good luck|Be careful], and come back alive."),
        ("Where is the {place}?", "[Follow the road|Go] {way}. The {place} is [not far|two days from here]."),
        ("{n} coins? That is not much.", "All right, {m} coins. But not one more."),
        ("[I am too busy|That is too dangerous for me].", "[A pity|I understand]. Come back if you change your mind."),
    ]),
    "rumour": ([
        ("[Have you heard any news|What is the news|What do people say]?",
         "[They|People] say that a {monster} [was seen near|came to] the {place} [last night|three days ago]."),
        ("[Have you heard any news|What is the news|What do people say]?",
         "[They|People] say that a {thing} is hidden near the {place}."),
    ], [
        ("Is that true?", "[Yes, I saw it with my own eyes|Who knows|I would not bet on it]."),
        ("Who told you that?", "[My brother|My sister|My neighbour|A sailor] told me."),
        ("[Interesting|Thank you]. I will go to the {place}.",
         "Be careful. The {place} is [not safe at night|dangerous]."),
    ]),
    "shop": ([
        ("[What do you sell|Can I buy something|What do you have today]?",
         "[I have|I can offer you] {ware} for {n} coins. [It is the best in the land|It is a fair price]."),
        ("[I need|I am looking for|I would like to buy] {ware}.",
         "[You are lucky. I have one left|You have come to the right place]. It costs {n} coins."),
    ], [
        ("{n} coins is too much. I will give you {l}.",
         "[Very well, {l} coins, because I like you|No, the price is {n} coins]."),
        ("[I will take it|Here is the money].", "Thank you. [Use it well|It is yours]."),
        ("[I do not have that much|I have only {l} coins].", "[Then come back another day|{l} coins will do]."),
    ]),
    "way": ([
        ("[How do I get to|Where is|Do you know the way to] the {place}?",
         "[Follow the road|Go] {way} [to|past] the [old tree|mill|river], then turn [left|right]. You will see the "
         "{place}."),
        ("[How far is|Is it far to] the {place}?",
         "The {place} is [two|three|five] days from here. [Take food with you|Do not go alone]."),
    ], [
        ("Is the road safe?", "[By day, yes|No, watch out for the {monster}]."),
        ("Thank you for your help.", "[You are welcome|Safe travels]."),
        ("Can you come with me?", "[No, I must stay here|Gladly. Wait until I have found my hat]."),
    ]),
    "self": ([
        ("[Tell me about yourself|Tell me something about you].", "My name is {name}. {about}."),
        ("[Who are you|What is your name]?", "I am {name}, the {title}. {about}."),
    ], [
        ("Do you like it here?", "Yes, [I would not want to live anywhere else|but sometimes I dream of the sea]."),
        ("Have you always lived here?", "[Yes, since I was a child|No, I came here [ten|twenty] years ago]."),
        ("[A pleasure|Nice] to meet you, {name}. I am {pname}.", "Nice to meet you too, {pname}."),
        ("Do you have a family?", "[Yes, two sons and a daughter|No, only a cat|I have a brother in the {place}]."),
    ]),
    "monster": ([
        ("What do you know about the {monster}?",
         "The {monster} [sleeps by day and hunts by night|is old and clever]. "
         "[Stay away from|You will find it near] the {place}."),
        ("Have you seen the {monster}?", "Yes, I saw the {monster} near the {place} [last night|at full moon]."),
        ("How can I beat the {monster}?", "The {monster} fears [fire|silver|loud songs|the light]."),
    ], [
        ("I am not afraid of the {monster}.", "Then you are [brave|foolish|very brave]."),
        ("Can you help me?", "[Take {ware} with you|No, I must stay here|I will pray for you]."),
    ]),
    "food": ([
        ("[I am hungry|I have not eaten since yesterday].", "[Here, take some {food}|I have some {food} left. Eat]."),
        ("Do you have anything to eat?", "[Only some {food}|Yes, some {food}]. [Help yourself|It is not much]."),
    ], [
        ("[Thank you|That is very kind of you].", "[Eat slowly|Enjoy it|Nobody leaves {here} hungry]."),
        ("What do I owe you?", "[Nothing|Tell me a story instead|{n} coins, if you have them]."),
        ("It is delicious!", "[My mother taught me|Thank you. It is an old recipe]."),
    ]),
    "return": ([
        ("I have found your {thing}.", "[My {noun}! Thank you|You really did it]! Here are {n} coins for you."),
        ("[Is this yours? I found a {thing}|I found this {thing}] near the {place}.",
         "[Yes, that is my {noun}|I know whose {noun} that is]. Thank you. Take {n} coins for your trouble."),
        ("I have killed the {monster}.",
         "[Is that true? Then you are a hero|At last we can sleep again]! Take these {n} coins."),
    ], [
        ("It was [not easy|nothing|a long way].", "You have my thanks. [My door is always open|I will remember it]."),
        ("{n} coins? [That is too much|Keep them].", "[You have a good heart|Then let me give you {ware}]."),
    ]),
    "weather": ([
        ("[Cold day today|It is getting dark|What a storm].",
         "[Yes|Indeed]. [Stay by the fire|Come inside|Winter is near]."),
        ("Will it rain tomorrow?", "[I think so. My knee hurts|No, the sky is red tonight|Only the wizard knows]."),
    ], [
        ("Can I stay here tonight?", "[Of course. Sleep well|Yes, for {n} coins|I am sorry, there is no room]."),
        ("I must go to the {place} anyway.", "Then take a warm cloak and go {way}."),
    ]),
}
FAREWELL = "[Goodbye|Farewell|I must go now|Until next time][, {title}|]."
FAREWELL_BACK = "[Goodbye|Farewell|Safe travels|Come back soon|May the road be kind to you][, friend|, stranger|]."

# ---------------------------------------------------------------- the grammar


def listed(text):
    """The entries of 'one|two|three', which may be wrapped over lines."""
    return [entry.strip() for entry in alternatives(" ".join(text.split()))]


def alternatives(text):
    """Cut a text at the "|" that stand in no bracket."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "[") - (c == "]")
        if c == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def closing(text, start):
    """Where the bracket that opens at `start` is closed."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "[") - (text[i] == "]")
        if depth == 0:
            return i
    raise ValueError("no closing bracket: " + text)


class Derivation:
    """Random choices with their total surprisal in nats.

    A fact is drawn when a template first mentions it, so that only choices that
    can be seen in the text are counted.
    """

    def __init__(self, rng, **facts):
        self.rng = rng
        self.nats = 0.0
        self.facts = facts

    def pick(self, options):
        self.nats += math.log(len(options))
        return options[self.rng.randrange(len(options))]

    def chance(self, p):
        hit = self.rng.random() < p
        self.nats -= math.log(p if hit else 1 - p)
        return hit

    def fact(self, name):
        if name not in self.facts:
            self.facts[name] = self.word(SOURCES[name](self))
        return self.facts[name]

    def word(self, template):
        """Word a template: its choices from the outside in, then its facts."""
        while (start := template.find("[")) >= 0:
            end = closing(template, start)
            choice = self.pick(alternatives(template[start + 1:end]))
            template = template[:start] + choice + template[end + 1:]

        def worded(match):
            field = match.group(1)
            value = self.fact(field[0].lower() + field[1:])
            return value[0].upper() + value[1:] if field[0].isupper() else value

        text = re.sub(r"\{(\w+)\}", worded, template)
        return re.sub(r"\b([Aa]) (?=[aeioAEIO]|honest)", r"\1n ", text)

    def character(self, prefix, taken=()):
        """Draw whether a character is female and its name; the rest comes when it is mentioned."""
        female = self.chance(0.5)
        pronouns = ("she", "her", "her") if female else ("he", "him", "his")
        self.facts.update(zip((prefix + "he", prefix + "him", prefix + "his"), pronouns))
        self.facts[prefix + "name"] = self.pick([n for n in (GIRLS if female else BOYS) if n not in taken])


def kind_of(d, prefix, other):
    """What a character is: a girl, a baker, a fox...; not what the other one is."""
    kind = d.pick([k for k in SORTS[d.fact(prefix + "sort")][0] if k != d.facts.get(other + "kind")])
    return GENDERED[kind][d.fact(prefix + "he") == "he"] if kind in GENDERED else kind


def titled(d, prefix, name):
    """A name with what its bearer is: "Mia the fox", "little Tom", "Queen Ada"."""
    kind = d.fact(prefix + "kind")
    titles = {"royal": kind.capitalize(), "child": "little", "elder": "old"}
    sort = d.fact(prefix + "sort")
    return f"{titles[sort]} {name}" if sort in titles else f"{name} the {kind}"


SOURCES = {  # fact -> a template for it
    "sort": lambda d: d.pick(WEIGHTED_SORTS), "fsort": lambda d: d.pick(WEIGHTED_SORTS),
    "kind": lambda d: kind_of(d, "", "f"), "fkind": lambda d: kind_of(d, "f", ""),
    "look": lambda d: d.pick(SORTS[d.fact("sort")][1]), "flook": lambda d: d.pick(SORTS[d.fact("fsort")][1]),
    "myself": lambda d: titled(d, "", d.fact("me")), "ffull": lambda d: titled(d, "f", d.fact("fname")),
    "full": lambda d: "{myself}",
    "home": lambda d: d.pick(listed(SORTS[d.fact("sort")][2])),
    "trait": lambda d: d.pick(list(TRAITS)),
    "deed": lambda d: TRAITS[d.fact("trait")],
    "a_hero": lambda d: "a [{trait}|{look}] {kind}",
    "a_look": lambda d: "a {look}",
    "a_friend": lambda d: "a {flook} {fkind}",
    "moral": lambda d: PLOTS[d.fact("plot")][1],
    "sort_of_thing": lambda d: str(d.pick(range(len(THINGS)))),
    "noun": lambda d: d.pick(THINGS[int(d.fact("sort_of_thing"))][0].split()),
    "thing": lambda d: d.pick(THINGS[int(d.fact("sort_of_thing"))][1].split()) + " {noun}",
    "a_thing": lambda d: "a {thing}",
    "a_noun": lambda d: "a {noun}",
    "place": lambda d: d.pick(PLACES),
    "otherplace": lambda d: d.pick([place for place in PLACES if place != d.facts.get("place")]),
    "food": lambda d: d.pick(listed(FOODS)),
    "skill": lambda d: d.pick(listed(SKILLS)),
    "job": lambda d: d.pick(listed(JOBS)),
    "scary": lambda d: d.pick(SCARY),
    "colour": lambda d: d.pick(COLOURS),
    "night": lambda d: str(d.pick(range(2))),
    "when": lambda d: d.pick(listed(TIMES[int(d.fact("night"))][0])),
    "weather": lambda d: d.pick(listed(TIMES[int(d.fact("night"))][1])),
    "name": lambda d: d.pick(GIRLS * (d.fact("title") not in MEN) + BOYS * (d.fact("title") not in WOMEN)),
    "pname": lambda d: d.pick(GIRLS + BOYS),
    "ware": lambda d: d.pick(listed(ROLES[d.fact("role")][0])),
    "about": lambda d: ROLES[d.fact("role")][1],
    "monster": lambda d: d.pick(listed(MONSTERS)),
    "way": lambda d: d.pick("north south east west".split()),
    "price": lambda d: str(d.pick(range(2, 12))),
    "n": lambda d: str(5 * int(d.fact("price"))),
    "m": lambda d: str(6 * int(d.fact("price"))),
    "l": lambda d: str(4 * int(d.fact("price"))),
}


def story(d):
    """One story: who it is about, an opening, the beats of a plot, an ending."""
    d.character("")
    d.character("f", taken=[d.facts["name"]])
    d.facts.update(me=d.facts["name"], they="they", them="them", their="their")
    first_person = d.chance(0.12)
    if first_person:
        d.facts.update(name="I", full="I", he="I", him="me", his="my", they="we", them="us", their="our")
    d.facts["plot"] = d.pick(list(PLOTS))
    parts = []
    if first_person or d.chance(0.92):
        parts.append(d.pick(OPENINGS_OF_I if first_person else OPENINGS))
        if not first_person and "{deed}" not in parts[0] and d.chance(0.6):
            parts.append(d.pick(TRAIT_LINES))
    parts += [d.pick(beat) for beat in PLOTS[d.facts["plot"]][0]] + [d.pick(ENDINGS)]
    return " ".join(d.word(part) for part in parts)


def talk(d):
    """A short exchange between a game character and a player about one to three topics."""
    role, player = d.pick(list(ROLES)), d.pick(PLAYERS)
    lasting = {"role": role, "title": role.lower(), "here": "the " + ROLES[role][2]}
    lines = []

    def say(who, template):
        lines.append(f"{who}: {d.word(template)}")

    d.facts.update(lasting)
    if role in STERN and d.chance(0.6):
        for who, template in zip((role, player, role), d.pick(STERN_GREETINGS)):
            say(who, template)
    elif d.chance(0.7):
        if d.chance(0.4):
            say(player, d.pick(PLAYER_GREETINGS))
        say(role, d.pick(WARM_GREETINGS))
    topics = list(TOPICS)
    for _ in range(1 + d.chance(0.6) + d.chance(0.3)):
        topic = d.pick(topics)
        topics.remove(topic)
        d.facts = {key: d.facts[key] for key in d.facts if key in lasting or key in ("name", "pname")}
        for pairs in TOPICS[topic]:
            for who, template in zip((player, role), d.pick(pairs)):
                say(who, template)
    if d.chance(0.5):
        say(player, FAREWELL)
        say(role, FAREWELL_BACK)
    return "\n".join(lines)


def document(rng):
    """One text of the corpus and its surprisal in nats."""
    d = Derivation(rng)
    text = story(d) if d.chance(0.65) else talk(d)
    return text, d.nats


def documents(seed, count):
    """`count` independent texts; equal seeds give equal texts."""
    rng = random.Random(seed)
    return [document(rng) for _ in range(count)]
