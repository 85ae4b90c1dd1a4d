"""The corpus: short stories and game-character lines from a generative grammar.

Every text is the result of a *derivation*: a planner draws the facts of a
story (who, where, what is wanted, what is in the way, who helps), and then
each beat of the plot is worded from templates in which

    [one|two|three]   is a choice, each alternative equally likely (nestable),
    {field}           is a fact of the story, so that names, pronouns and
                      things stay the same from the first sentence to the last.

Every choice, of a fact or of a wording, goes through `Derivation.pick`, which
adds up its surprisal.  The sum is the exact -log p of the derivation.  Two
derivations can give the same text, so its mean is an upper bound on the
entropy of the texts: the best possible model needs at most that many nats.
"""

import math
import random
import re

GIRLS = """Ada Alma Anya Bella Bryn Cara Celia Clara Cora Daisy Dara Della Edda
Elin Elsa Emma Esme Fay Fern Flora Freya Gina Greta Hazel Heidi Holly Ida Ines
Iris Isla Ivy Jade Jana Joy June Kaya Kira Lara Lena Lily Lina Lotte Lucy Luna
Mabel Maia Mara Maud Mia Mina Mira Nell Nina Nora Olga Olive Opal Pearl Petra
Pia Poppy Rhea Rosa Rose Ruby Ruth Sara Senna Signe Tara Tess Thea Tilda Una
Vera Willa Wren Yara Zoe""".split()
BOYS = """Abel Adam Alvin Anton Arlo Asher Ben Bruno Cal Caleb Carl Cody Colin
Dan Darin Dylan Eli Emil Eric Ezra Felix Finn Fritz Gabe Glen Gus Hal Hans Hugo
Ian Igor Ivan Jack Jasper Joel Jonas Karl Kit Lars Leo Liam Linus Luca Magnus
Marco Max Miles Milo Ned Nico Noah Odin Olaf Oscar Otto Owen Pablo Paul Pip
Ralf Remy Robin Rolf Rory Rufus Sam Seth Silas Simon Sven Theo Tim Toby Tom
Victor Walt Will Yann Zane""".split()
HEADS = "Al Bar Bel Bo Cor Da Dor El Fal Fen Gar Hal Il Jo Kal Kor Lo Mar Mel Mor Na Or Per Ral Ro Sel Tal Tor Va Wil Ya Zel".split()
TAILS_F = "a ana ara ela elle ena ia ila ina ira issa ola ona ora una wen".split()
TAILS_M = "an ar bert den do dor ek en ic in mir o on ric us win".split()

PEOPLE = """baker farmer sailor painter tailor miner fisher gardener potter
shepherd carpenter weaver knight teacher cook clockmaker beekeeper singer
hunter juggler wizard doctor""".split()
ANIMALS = """fox rabbit bear mouse owl hedgehog squirrel badger otter frog duck
cat goose wolf turtle goat raven mole beaver deer hen donkey dragon robot
ghost giant""".split()
SCARY = "dragon giant wolf troll bear ghost lion ogre serpent witch griffin".split()

# trait, a deed that shows it
TRAITS = [
    ("brave", "[was not afraid of the dark|always went first|never ran away]"),
    ("kind", "[shared every meal|helped every neighbour|never said a bad word]"),
    ("curious", "[asked questions all day|looked under every stone|wanted to know everything]"),
    ("shy", "[spoke very softly|hid behind the door when guests came|liked quiet places]"),
    ("clever", "[could solve any riddle|knew a hundred stories|always had a plan]"),
    ("lazy", "[slept until noon|never finished any work|liked the soft bed best]"),
    ("cheerful", "[sang all day long|laughed at every joke|danced in the rain]"),
    ("lonely", "[had nobody to talk to|ate supper alone|talked only to the moon]"),
    ("proud", "[never asked for help|wanted to win every game|told everyone about it]"),
    ("patient", "[could wait for hours|never hurried|did one thing at a time]"),
    ("greedy", "[wanted more and more|counted every coin twice|never gave anything away]"),
    ("clumsy", "[dropped every cup|fell over every stone|broke three plates a day]"),
]
# home, with its preposition
HOMES = [
    "in a small village", "in a stone tower", "in a quiet valley", "near the sea",
    "on a green hill", "at the edge of the forest", "in a busy town",
    "beside a wide river", "in a tiny cottage", "under an old oak",
    "on a lonely island", "behind the mill", "in a house by the lake",
    "in a city of red roofs", "high in the mountains", "on a windy farm",
]
# place, how one moves there
PLACES = [
    "forest", "cave", "river", "mountain", "market", "garden", "meadow", "swamp",
    "old mill", "harbour", "castle", "well", "bridge", "beach", "orchard",
    "ruined tower", "lake", "valley", "library", "graveyard", "barn", "desert",
]
THINGS = """key lantern ring book map bell drum flute crown mirror kite boat
necklace compass feather coin sword hat scarf cup clock basket blanket violin
pearl letter stone box spoon wheel""".split()
ADJ = """golden silver old tiny red blue green shiny wooden magic broken white
black strange beautiful heavy little warm round painted""".split()
FOODS = "bread|soup|honey cake|apple pie|cheese|porridge|plum jam|roast fish|berries|pancakes|warm milk|nuts".split("|")
SKILLS = [
    "swim", "sing", "play the flute", "bake bread", "paint", "ride a horse",
    "climb trees", "read", "dance", "juggle", "sail a boat", "skate", "fly a kite",
    "tell stories", "build a wall", "catch fish",
]
WEATHER = [
    "the sun was shining", "it was raining", "the snow fell softly",
    "a cold wind was blowing", "thick fog lay over the land", "the stars were bright",
    "dark clouds hung in the sky", "the air smelled of flowers", "the leaves were turning red",
]

STORY_OPENINGS = [
    "[once upon a time|long ago|many years ago], [there was|there lived] {a_hero} [named|called] {name}. {He} lived {home}.",
    "[once upon a time|long ago|once], {home}, there lived {a_hero} [named|called] {name}.",
    "{home}, there [was|lived] {a_hero} [named|called] {name}.",
    "{name} was {a_hero} who lived {home}.",
    "{name} the {kind} lived {home}. {He} was very {trait}.",
    "there was once {a_hero} whose name was {name}. {His} home was {home}.",
    "the {kind} was {trait}. {His} name was {name}, and {he} lived {home}.",
]
TRAIT_LINES = [
    "{He} {deed}.", "everyone [knew|said] that {name} {deed}.",
    "{name} {deed}, and [everybody liked {him} for it|people often spoke about it|that was just {his} way].",
    "{He} had [a good friend|an old friend|a friend], {a_friend} [named|called] {fname}.",
    "",
]
WHEN = [
    "one [morning|evening|day|night]", "one [cold|warm|grey|bright|quiet] [morning|evening|day|night]",
    "early one morning", "late one night", "on the first day of [spring|summer|autumn|winter]",
    "one day, when {weather}",
]
FEEL_BAD = "[sad|worried|afraid|upset|unhappy|angry]"
FEEL_GOOD = "[happy|glad|proud|full of joy|very happy]"
SAID = "[said|answered|replied]"

MEET_FRIEND = [
    "on the way {he} met {a_friend} [named|called] {fname}.",
    "near the {place}, {a_friend} [named|called] {fname} was [resting|waiting|sitting on a stone|eating {food}].",
    "then {he} heard a voice. it was {fname}, {a_friend}.",
    "just then, {fname} the {fkind} came [along|down the road|out of the house].",
]
ASK_WHY = [
    '"[why are you so|why do you look] ' + FEEL_BAD + '?" asked {fname}.',
    '"what is [wrong|the matter], {name}?" asked {fname}.',
    '{fname} [looked at {him}|stopped] and asked, "[can I help you|what happened|where are you going]?"',
]
OFFER = [
    '"[do not worry|do not be afraid|cheer up]," ' + SAID + ' {fname}. "[I will help you|I will come with you|we will do it together|two are better than one]."',
    '"[then let us go|let us try] together," ' + SAID + ' {fname}.',
    '{fname} [smiled|nodded|thought for a while]. "I have [an idea|a plan]," {fhe} said.',
]
THANKS = [
    '"thank you[, {fname}|, my friend|]," said {name}. "[I could not have done it alone|you are a true friend|I will never forget this]."',
    '{name} [hugged {fname}|took {fname} by the hand] and said, "thank you [so much|for everything]!"',
    '"how can I thank you?" asked {name}. "[come and eat with me|just be my friend|a smile is enough]," ' + SAID + ' {fname}.',
]
ENDINGS = [
    "from that day on, {name} and {fname} were [the best of friends|good friends|always together].",
    "that [night|evening], they [ate|shared] {food} and [laughed|sang|told stories] until [the moon rose|the fire went out|they fell asleep].",
    "{name} went home and slept [well|deeply|like a stone].",
    "and {name} never forgot [that day|what {he} had learned|the help of {fname}].",
    "{name} had learned that {moral}.",
    "and so they [lived happily ever after|were happy for many years].",
]
MORALS = {
    "lost": "[a good friend is worth more than {a_thing}|one should look with open eyes|asking for help is not a shame]",
    "monster": "[not everything that looks scary is bad|a kind word can open any door|one must not judge by looks]",
    "skill": "[practice makes all the difference|nobody is good at once|one must never give up]",
    "storm": "[together we are strong|courage can be quiet|help comes to those who help]",
    "gift": "[the best gifts come from the heart|giving is better than taking|small gifts can be great]",
    "share": "[sharing makes every meal taste better|kindness comes back|nobody is too poor to give]",
    "noise": "[most fears are smaller in the light|it is good to look before you run|even a small noise has a story]",
}

PLOTS = {
    "lost": [
        ["{when}, {name} could not find {his} {thing}.", "{when}, {name} lost {his} {thing}.",
         "{name} had {a_thing}, and {he} loved it very much. but {when}, it was gone."],
        ["{He} looked [under the bed|in every room|behind the house|in the kitchen], but [it was not there|there was no {noun}].",
         "{He} searched [all day|for hours|everywhere] and found nothing. {He} was " + FEEL_BAD + ".",
         '"[where can it be|who took my {noun}]?" {he} cried.'],
        MEET_FRIEND, ASK_WHY,
        ['"I have lost my {noun}," [said|answered] {name}.', '"my {noun} is gone," {name} [said|answered] [softly|sadly|with tears in {his} eyes].'],
        OFFER,
        ["they [walked|went|ran] to the {place} and looked [everywhere|behind every tree|under every stone].",
         "together they followed the [tracks|path] to the {place}."],
        ["there, [in the grass|under a leaf|between two rocks|in a nest], lay the {noun}!",
         "at last {fname} saw something [shining|strange] in the [grass|mud|leaves]. it was the {noun}!",
         "a [crow|magpie|small mouse] had taken the {noun}, and it [gave it back|dropped it when it saw them]."],
        THANKS,
    ],
    "monster": [
        ["{when}, {name} went to the {place} [to find|to look for] {a_thing}.",
         "{when}, {name} heard that a {scary} lived [in|near] the {place}."],
        ["[everyone was afraid of the {scary}|people said that the {scary} was dangerous], but {name} wanted to see it.",
         "the path was [long|dark|steep|narrow], and {weather}."],
        ["suddenly, a [big|huge|terrible] {scary} [stood before {him}|came out of the {place}|blocked the way].",
         "there {he} saw the {scary}. it was [bigger than a house|as big as a tree|very big]."],
        ['"[who are you|what do you want|who dares to come here]?" [roared|asked|growled] the {scary}.'],
        ['"I am {name}," {he} said. "[I want to be your friend.|I do not want to fight.|why are you so sad?]"',
         '{name} was afraid, but {he} [stood still|did not run]. "I am {name}," {he} said. "[I brought you {food}.|are you hungry?]"'],
        ['the {scary} began to [cry|weep|smile]. "nobody [ever talks to me|ever asked me that|ever comes to see me]," it said.',
         'the {scary} [sat down|sighed]. "I am [so lonely|hungry|tired of being alone]," it said.'],
        ["{name} gave the {scary} some {food}, and they [talked|sat together] until [evening|the sun went down].",
         "{name} [told it a story|sang a song], and the {scary} [laughed|listened quietly]."],
        ["before {name} left, the {scary} gave {him} {a_thing}.",
         "then the {scary} carried {name} home on its back."],
        ['at home, {name} told {fname} everything. "[I can hardly believe it|that was brave]," said {fname}.',
         'the next day, {fname} came too. "[it is not scary at all|what a nice {scary}]!" said {fname}.'],
    ],
    "skill": [
        ["{name} had one [great wish|dream]. {He} wanted to learn to {skill}.",
         "{when}, {name} saw {fname} the {fkind}, who could {skill} [very well|better than anyone].",
         "{when}, {name} decided to learn to {skill}."],
        ["{He} tried [once|twice|three times], but it did not work.", "at first it was [hard|not easy], and {he} [failed|made many mistakes]."],
        ['"I will never learn to {skill}," {he} [said|cried].', '"this is too hard for me," said {name}.'],
        ["{fname} the {fkind} [saw it|heard {him}] and came [over|closer]."],
        ['"[do not give up|nobody can do it at first|it takes time]," said {fname}. "[try again|I will show you|practise a little every day]."'],
        ["so {name} practised [every day|every morning|day and night] [at|near] the {place}.",
         "[day after day|week after week], {name} practised with {fname}."],
        ["[slowly|little by little], {he} got better.", "sometimes {he} wanted to stop, but {fname} [would not let {him}|always made {him} laugh]."],
        ["and then, {when}, {name} could {skill}!", "[at last|in the end], {he} could {skill} [as well as {fname}|better than ever|without any help]!"],
        ['"[look at me|I did it|I can do it]!" {he} [cried|shouted]. {fname} was ' + FEEL_GOOD + ".", "everyone [clapped|cheered], and {name} was " + FEEL_GOOD + "."],
    ],
    "storm": [
        ["{when}, a [great|terrible] storm came over the {place}.", "{when}, [the wind grew strong|the sky turned black] and a storm began."],
        ["the [rain|wind] [beat against the windows|shook the houses], and the {place} was [dark|under water]."],
        ["{name} heard someone calling for help. it was {fname}, {a_friend}.", '"help!" cried a voice. it was {fname} the {fkind}, who [was stuck|had fallen] near the {place}.'],
        ["{name} was [afraid|tired|cold], but {he} took {a_thing} and [ran out|went out into the storm].", "without waiting, {name} [ran to the {place}|took a rope and ran]."],
        ['"hold on, {fname}!" {he} [shouted|called]. "[I am coming|do not let go]!"', '"[do not be afraid|give me your hand]," said {name}.'],
        ["{He} [pulled|pulled and pulled] until {fname} was [free|safe].", "step by step, they [walked|made their way] [home|to a dry place]."],
        ["they [sat by the fire|drank something warm] and waited. [soon|in the morning], the storm was over."],
        ['"you saved [me|my life]," said {fname}. "[anyone would have done it|you would do the same for me]," ' + SAID + " {name}."],
    ],
    "gift": [
        ["{when}, {name} remembered that it was {fname}'s birthday.", "it was the birthday of {fname}, {a_friend}, and {name} wanted to give {fhim} [something special|a present]."],
        ["but {name} had [no money|only one coin|nothing to give].", "{He} thought [for a long time|all night]. what would {fname} like?"],
        ["{He} went to the {place} and found {a_thing}.", "at the {place}, {he} saw {a_thing}. it was [perfect|just right]."],
        ["{He} cleaned it [with care|until it shone] and wrapped it in [leaves|blue paper|a soft cloth].", "all night {he} worked on it, and in the morning it [looked like new|was ready]."],
        ["then {he} [went|ran] to the house of {fname} and knocked.", "when {fname} opened the door, {name} [smiled|was a little shy]."],
        ['"happy birthday!" said {name}. "[this is for you|I have something for you]."'],
        ['{fname} [opened it|looked at it] with [big|bright] eyes. "a {noun}!" {fhe} [cried|said]. "[I always wanted one.|it is beautiful!|how did you know?]"'],
        ["they [ate|shared] {food}, and {name} was " + FEEL_GOOD + "."],
    ],
    "share": [
        ["{when}, {name} was on {his} way to the {place} with [a basket of|some] {food}.", "{when}, {name} made {food} and carried it to the {place}."],
        MEET_FRIEND,
        ['"I am so hungry," said {fname}. "I have not eaten [all day|since yesterday]."', '"please," said {fname}, "[can you give me some {food}|I am very hungry]."'],
        ["{name} [looked at the {food}|was hungry too]. there was [not much|only a little].", '"this is all I have," {name} thought.'],
        ['but {he} [smiled|sat down] and said, "[here, take half|let us share it|there is enough for two]."'],
        ["so they ate together, and it [was the best {food} in the world|tasted better than ever]."],
        ['then {fname} said, "you were good to me. [take this {noun}|this {noun} is for you]."', "as thanks, {fname} gave {him} {a_thing}."],
        ["and [the {noun} brought {him} luck|whenever {he} looked at the {noun}, {he} smiled]."],
    ],
    "noise": [
        ["{when}, {name} heard a strange noise.", "{when}, a [loud|strange|soft] noise woke {name}."],
        ["it came from the {place}. [knock, knock, knock|tap, tap, tap|whoo, whoo], it went."],
        ['"[what is that|who is there]?" {he} [whispered|asked]. nobody answered.', "{name} was afraid, but {he} [wanted to know|could not sleep]."],
        ["{He} [took {a_thing}|lit a lamp] and went to {fname} the {fkind}."],
        ['"did you hear [that|it too]?" asked {name}. "yes," ' + SAID + ' {fname}. "[let us look together|maybe it is a {scary}]."'],
        ["[slowly|quietly], they [went|walked] to the {place}.", "hand in hand, they went to the {place}."],
        ["there, [behind a door|in the dark|behind a tree], sat [a tiny kitten|a baby owl|a little puppy|a wet duckling]. it was [hungry|cold|lost].",
         "it was only [the wind|an old door|a loose board]!"],
        ['they [looked at each other|laughed and laughed]. "and I thought it was a {scary}!" said {fname}.'],
    ],
}

# role -> what the character sells and says about the work
ROLES = {
    "Innkeeper": ("a room|a bowl of soup|a mug of cider|a warm bed", "I have kept this inn for [ten|twenty|thirty] years", "the inn"),
    "Blacksmith": ("a sword|a shield|an iron helmet|a good axe|a dagger", "the forge never gets cold", "the forge"),
    "Guard": ("a spare spear|an old helmet|a torch", "I watch this gate day and night", "the gate"),
    "Merchant": ("silk|spices|a silver ring|a lamp|a map", "I have travelled through [five|seven|nine] kingdoms", "my shop"),
    "Witch": ("a healing potion|a love potion|a black candle|a lucky charm", "I gather herbs under the moon", "my hut"),
    "Wizard": ("a spell book|a fire scroll|a crystal|a magic wand", "I study the stars every night", "my tower"),
    "Farmer": ("eggs|a sack of corn|fresh milk|a good mule", "the harvest was [good|bad|late] this year", "the farm"),
    "Fisherman": ("fresh fish|a net|a small boat|a hook", "the sea gives and the sea takes", "the harbour"),
    "Healer": ("a bandage|a healing potion|dried herbs|a bitter tea", "I care for the sick", "the temple"),
    "Baker": ("bread|a honey cake|an apple pie|a meat pie", "I get up long before the sun", "the bakery"),
    "Librarian": ("a book of legends|an old map|a bottle of ink", "I know every book in this hall", "the library"),
    "Captain": ("a trip to the islands|a barrel of rum|a compass", "my ship has seen every sea", "my ship"),
    "Hunter": ("a bow|ten arrows|a wolf skin|dried meat", "I know every path in the forest", "the camp"),
    "Miner": ("iron ore|a pickaxe|a raw gem|a lamp", "I dig for [gold|silver|iron] under the mountain", "the mine"),
    "Bard": ("a song|a lute|a love poem", "I sing of heroes and kings", "the tavern"),
    "Queen": ("a royal letter|a title|a seat at my table", "I rule this land with care", "the palace"),
}
MONSTERS = "dragon|pack of wolves|gang of thieves|troll|giant spider|ghost|band of goblins|witch|bear|sea serpent|skeleton|ogre".split("|")
PLAYERS = "Traveller Hero Stranger Knight Adventurer Player".split()
GREETINGS = {
    "P": ["[hello|good day|good morning|good evening|greetings][, {title}|].", "[hello there|hey], {title}[!|.]", "[may I come in|do you have a moment]?"],
    "N": ["[welcome|greetings|well met|hello|good day], [traveller|stranger|friend]. [what can I do for you|how can I help you|what brings you here|what do you need]?",
          "ah, [a new face|a visitor|a customer]! welcome to {npc_place}. [what can I do for you?|sit down and rest.]"],
}
# topic -> (question, answer, follow-up question or thanks, closing answer)
TOPICS = {
    "work": ("[do you have any work for me|do you need help|is there a quest for me|I am looking for work].",
             "[yes, there is|indeed]. a {monster} [has been seen|lives|hides] near the {place}. [kill it|drive it away|get rid of it], and I will [pay you|give you] {n} [gold|silver] coins.|"
             "[yes|perhaps]. someone stole my {thing} and took it to the {place}. [bring it back|find it], and you will get {n} [gold|silver] coins.",
             "[I will do it|I accept|you can count on me].|where is the {place}?|that is [dangerous|not much money].",
             "[good luck|be careful|take a torch with you], and come back alive."),
    "rumour": ("[have you heard any news|what is the news|any rumours|what do people say].",
               "[they say that|people say that|I heard that] a {monster} [was seen near|came to] the {place} [last night|three days ago|at full moon].|"
               "[they say that|some say that] a {thing} is hidden [near|not far from] the {place}. [nobody has found it yet|many have looked for it].",
               "[is that true|who told you that|do you believe it]?|[interesting|thank you]. I will go and see.",
               "[who knows|I saw it with my own eyes|my brother told me so]. [but be careful|keep it to yourself|stay away at night]."),
    "shop": ("[what do you sell|can I buy something|show me your goods|what do you have today].",
             "[I have|I can offer you] {ware} for {n} coins. [it is the best in the land|you will not find better|it is a fair price].",
             "[that is too much|it is too expensive]. I will give you {m}.|[I will take it|here is the money].",
             "[very well, it is yours|a pleasure doing business|all right, because I like you].|thank you. use it well."),
    "way": ("[how do I get to|where is|do you know the way to] the {place}?",
            "[follow the road|go] [north|south|east|west] [to|past] the [bridge|old tree|mill|crossroads|river], then turn [left|right]. [you will see it|it is not far].|"
            "it is [two|three|five] days from here. [take food with you|do not go alone|do not leave the road].",
            "[is the road safe|is it dangerous there|how long does it take]?|thank you for your help.",
            "[by day, yes|nothing is safe these days|watch out for the {monster}]. safe travels."),
    "self": ("[tell me about yourself|who are you|how is life here|how are you].",
             "my name is {name}. {about}.|I am {name}, and {about}. [it is hard work, but I like it|my [father|mother] did the same].",
             "[do you like it here|have you always lived here]?|[a pleasure to meet you|nice to meet you], {name}.",
             "[yes, since I was a child|I would not want to live anywhere else|sometimes I dream of the sea]."),
    "monster": ("[what do you know about|have you seen|how can I beat] the {monster}?",
                "[it sleeps by day and hunts by night|it fears fire|only a silver blade can hurt it|it is old and clever]. [it lives|you will find it] near the {place}.",
                "[I am not afraid|I will fight it|how many has it killed]?|can you help me?",
                "[take {ware} with you|you are brave or very foolish|many went there, and few came back]. may luck be with you."),
}
FAREWELL_P = "[goodbye|farewell|I must go now|until next time][, {name}|]."
FAREWELL_N = "[goodbye|farewell|safe travels|come back soon|may the road be kind to you][, friend|, stranger|]."


class Derivation:
    """Random choices with their total surprisal in nats."""

    def __init__(self, rng):
        self.rng = rng
        self.nats = 0.0
        self.facts = {}

    def pick(self, options):
        self.nats += math.log(len(options))
        return options[self.rng.randrange(len(options))]

    def chance(self, p):
        hit = self.rng.random() < p
        self.nats -= math.log(p if hit else 1 - p)
        return hit

    def expand(self, template):
        """Word a template: choices first (innermost last), then the facts."""
        while True:
            start = template.find("[")
            if start < 0:
                break
            depth, cuts = 0, [start]
            for i in range(start, len(template)):
                c = template[i]
                depth += (c == "[") - (c == "]")
                if c == "|" and depth == 1:
                    cuts.append(i)
                if depth == 0:
                    cuts.append(i)
                    break
            a = self.pick(list(range(len(cuts) - 1)))
            template = template[:start] + template[cuts[a] + 1:cuts[a + 1]] + template[cuts[-1] + 1:]
        while "{" in template:
            template = re.sub(r"\{(\w+)\}", lambda m: self.facts[m.group(1)], template)
            if "[" in template:
                return self.expand(template)
        return template

    def alternatives(self, template):
        """Choose between the top-level alternatives of 'x|y|z' and word one."""
        parts, depth, last = [], 0, 0
        for i, c in enumerate(template):
            depth += (c == "[") - (c == "]")
            if c == "|" and depth == 0:
                parts.append(template[last:i])
                last = i + 1
        return self.expand(self.pick(parts + [template[last:]]))

    def name(self, female):
        """Half of the names are put together, so that a model must copy them."""
        if self.chance(0.5):
            return self.pick(GIRLS if female else BOYS)
        return self.pick(HEADS) + self.pick(TAILS_F if female else TAILS_M)

    def person(self, prefix):
        """Draw a character and store its facts under a prefix."""
        female = self.chance(0.5)
        he, him, his = ("she", "her", "her") if female else ("he", "him", "his")
        if self.chance(0.4):
            kind = "girl" if female else "boy"
        else:
            kind = self.pick(self.pick([PEOPLE, ANIMALS]))
        self.facts.update({
            prefix + "name": self.name(female), prefix + "kind": kind,
            prefix + "he": he, prefix + "him": him, prefix + "his": his,
            prefix + "He": he.capitalize(), prefix + "His": his.capitalize(),
        })


# Words that carry a sentence on after speech that ends in "?" or "!".
SPEECH_TAGS = "he|she|asked|cried|said|shouted|called|roared|growled|whispered"


def tidy(text):
    """Put in a/an and the capital letters of sentences and of openings of speech."""
    text = re.sub(r"\b([Aa]) (?=[aeioAEIO])", r"\1n ", text)
    text = re.sub(r" +", " ", text).strip()
    upper = lambda m: m.group(1) + m.group(2).upper()
    text = re.sub(r'(^"?|[.!?] "?)([a-z])', upper, text)
    text = re.sub(r'([.!?]" ")([a-z])', upper, text)
    text = re.sub(r'([.!?]" )(?!(?:%s)\b)([a-z])' % SPEECH_TAGS, upper, text)
    return re.sub(r'((?:said|asked), ")([a-z])', upper, text)


def story(d):
    """One story: facts first, then the beats of a plot, then an ending."""
    d.person("")
    d.person("f")
    while d.facts["fname"] == d.facts["name"]:
        d.person("f")
    f = d.facts
    plot = d.pick(list(PLOTS))
    f["trait"], f["deed"] = d.pick(TRAITS)
    f["noun"] = d.pick(THINGS)
    f["thing"] = d.pick(ADJ) + " " + f["noun"]
    f["a_thing"] = "a " + f["thing"]
    f["place"], f["food"], f["skill"] = d.pick(PLACES), d.pick(FOODS), d.pick(SKILLS)
    f["scary"], f["home"], f["weather"] = d.pick(SCARY), d.pick(HOMES), d.pick(WEATHER)
    f["a_hero"] = d.expand("a [{trait}|young|little|{trait}] {kind}")
    f["a_friend"] = d.expand("a [old|young|wise|friendly] {fkind}")
    f["moral"] = MORALS[plot]
    parts = []
    if d.chance(0.85):
        parts.append(d.expand(d.pick(STORY_OPENINGS)))
        parts.append(d.expand(d.pick(TRAIT_LINES)))
    for number, beat in enumerate(PLOTS[plot]):
        if number == 0:
            f["when"] = d.pick(WHEN)
        elif plot == "skill":
            f["when"] = "one day"
        parts.append(d.expand(d.pick(beat)))
        if number == 0 and d.chance(0.3):
            parts.append(d.expand("[{weather}|outside, {weather}]."))
    parts.append(d.expand(d.pick(ENDINGS)))
    return tidy(" ".join(p for p in parts if p))


def talk(d):
    """A short exchange between a game character and a player about one or two topics."""
    f = d.facts
    role = d.pick(list(ROLES))
    ware, about, f["npc_place"] = ROLES[role]
    f["title"], f["name"] = role.lower(), d.name(d.chance(0.5) or role in ("Witch", "Queen"))
    player = d.pick(PLAYERS)
    f["monster"], f["thing"] = d.pick(MONSTERS), d.pick(ADJ) + " " + d.pick(THINGS)
    f["place"], f["ware"], f["about"] = d.pick(PLACES), d.pick(ware.split("|")), about
    price = d.pick(list(range(2, 12)))
    f["n"], f["m"] = str(price * 5), str(price * 4)
    lines = []
    if d.chance(0.7):
        if d.chance(0.5):
            lines.append((player, d.expand(d.pick(GREETINGS["P"]))))
        lines.append((role, d.expand(d.pick(GREETINGS["N"]))))
    topics = list(TOPICS)
    for _ in range(1 + d.chance(0.6)):
        topic = d.pick(topics)
        topics.remove(topic)
        question, answer, follow, close = TOPICS[topic]
        question = d.expand(question)
        if re.match(r"(do|is|have|what|any|can|who|how)\b", question):
            question = question[:-1] + "?"
        for who, template in ((player, question), (role, answer), (player, follow), (role, close)):
            lines.append((who, d.alternatives(template)))
    if d.chance(0.5):
        lines += [(player, d.expand(FAREWELL_P)), (role, d.expand(FAREWELL_N))]
    return "\n".join(f"{who}: {tidy(text)}" for who, text in lines)


def document(rng):
    """One text of the corpus and its surprisal in nats."""
    d = Derivation(rng)
    text = story(d) if d.chance(0.65) else talk(d)
    return text, d.nats


def documents(seed, count):
    """`count` independent texts; equal seeds give equal texts."""
    rng = random.Random(seed)
    return [document(rng) for _ in range(count)]
